/* topology.c - see topology.h: one reading for the process, and how many threads follow from it. */
#include "runtime/base/topology.h"
#include "runtime/base/checked.h"
#include "runtime/base/topology_parts.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static ig_topology machine;

static void read_once(void)
{
    if (!ig_topology_hwloc(&machine)) ig_topology_sysfs(&machine, "", NULL);
}

const ig_topology *ig_topology_get(void)
{
    pthread_once(&once, read_once);
    return &machine;
}

static int by_rank(const void *a, const void *b)
{
    const ig_core *x = a, *y = b;
    if (x->slow != y->slow) return x->slow - y->slow;
    if (x->cache != y->cache) return x->cache - y->cache;
    return x->cpu - y->cpu;
}

static void read_cpu_name(ig_topology *t, const char *root)
{
    char path[512], line[256];
    snprintf(path, sizeof path, "%s/proc/cpuinfo", root);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        const char *name = colon + 1 + strspn(colon + 1, " \t");
        snprintf(t->cpu_name, sizeof t->cpu_name, "%.*s", (int)strcspn(name, "\n"), name);
        break;
    }
    if (f) fclose(f);
    struct utsname u;
    if (!t->cpu_name[0] && uname(&u) == 0)
        snprintf(t->cpu_name, sizeof t->cpu_name, "%.63s", u.machine);
}

void ig_topology_finish(ig_topology *t, const char *root)
{
    qsort(t->cores, t->n_cores, sizeof t->cores[0], by_rank);
    t->n_fast = t->n_caches = t->n_nodes = 0;
    for (size_t i = 0; i < t->n_cores; i++) {
        t->n_fast += !t->cores[i].slow;
        t->n_caches = IG_MAX(t->n_caches, (size_t)t->cores[i].cache + 1);
        t->n_nodes = IG_MAX(t->n_nodes, (size_t)t->cores[i].node + 1);
    }
    if (t->n_fast == 0) t->n_fast = t->n_cores; /* the mask allows only slow ones */
    read_cpu_name(t, root);
    t->quota_cpus = ig_cgroup_quota(root);
}

ingot_status ig_topology_count(size_t *out, const char **why, const ig_topology *t, const char *env,
                               ingot_error *err)
{
    size_t n = IG_MAX(t->n_fast, (size_t)1);
    const char *reason = "physical cores in the affinity mask";
    if (env && *env) {
        char *end;
        const long asked = strtol(env, &end, 10);
        if (*end || asked < 1 || asked > 1024)
            return ig_fail(err, INGOT_E_ARG, "INGOT_THREADS=%s: give a count from 1 to 1024", env);
        n = IG_MIN((size_t)asked, IG_MAX(t->n_cpus, (size_t)1));
        reason = n == (size_t)asked ? "INGOT_THREADS" : "hardware threads in the affinity mask";
    }
    if (t->quota_cpus > 0 && ceil(t->quota_cpus) < (double)n) {
        n = (size_t)ceil(t->quota_cpus);
        reason = "control group's CPU quota";
    }
    *out = IG_MAX(n, (size_t)1);
    if (why) *why = reason;
    return INGOT_OK;
}

bool ig_past_caches(double bytes)
{
    enum { UNKNOWN = 32 << 20 };
    const ig_topology *t = ig_topology_get();
    return bytes >= (double)(t->l3_bytes ? t->l3_bytes : UNKNOWN);
}

ingot_status ig_topology_threads(size_t *out, const char **why, ingot_error *err)
{
    return ig_topology_count(out, why, ig_topology_get(), getenv("INGOT_THREADS"), err);
}
