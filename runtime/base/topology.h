/* topology.h - what of this machine the process may use.
 *
 * Read once, through hwloc where it is built in, else from sysfs and the affinity mask. Quotas come
 * from the process's own control group and all groups above it, versions 1 and 2. */
#ifndef IG_TOPOLOGY_H
#define IG_TOPOLOGY_H

#include "runtime/base/status.h"

enum { IG_MAX_CORES = 1024 };

/* A physical core of which at least one hardware thread is in the affinity mask. */
typedef struct {
    uint16_t cpu;   /* its first allowed hardware thread, the system's number */
    uint16_t cache; /* index of its L3 cache (0.. in order of appearance) */
    uint16_t node;  /* index of its NUMA node, likewise */
    bool slow;      /* an efficiency core of a hybrid processor */
} ig_core;

typedef struct {
    char cpu_name[64];  /* "AMD EPYC 7763", or the architecture where it has no name */
    const char *source; /* "hwloc" or "sysfs" */
    size_t n_cpus;      /* hardware threads in the affinity mask */
    size_t n_cores;     /* entries of cores: fast ones first, then by cache */
    size_t n_fast;      /* of these, the ones that are not slow */
    size_t n_caches, n_nodes;
    double quota_cpus; /* CPUs' worth of time the control groups allow; 0: no limit */
    size_t l1d_bytes, l2_bytes, l3_bytes; /* of the first core; 0: unknown */
    ig_core cores[IG_MAX_CORES];
} ig_topology;

/* ig_topology_get - the machine as it was at the first call. Never NULL. Threads: any. */
const ig_topology *ig_topology_get(void);

/* ig_topology_threads - threads a pool starts with: the fast physical cores of the affinity mask,
 * or INGOT_THREADS (at most the hardware threads of the mask); in both cases at most the quota,
 * rounded up. *why (may be NULL): what decided. Errors: E_ARG, INGOT_THREADS is not 1..1024. */
ingot_status ig_topology_threads(size_t *out, const char **why, ingot_error *err);

/* ig_topology_count - the same from given numbers: tests. env may be NULL. */
ingot_status ig_topology_count(size_t *out, const char **why, const ig_topology *t, const char *env,
                               ingot_error *err);

/* ig_past_caches - whether a result of so many bytes would push itself out of the last cache before
 * anything reads it: it is then better written past the caches. */
bool ig_past_caches(double bytes);

/* ig_topology_sysfs - fill from <root>/sys and <root>/proc; `allowed` lists hardware threads as
 * the kernel does ("0-3,8"); NULL: this thread's affinity mask. root: "" or a test's folder. */
void ig_topology_sysfs(ig_topology *out, const char *root, const char *allowed);

/* ig_cgroup_quota - the tightest CPU limit on this process's control group and those above it, in
 * CPUs; 0: none. root as above. */
double ig_cgroup_quota(const char *root);

#endif
