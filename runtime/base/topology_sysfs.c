/* topology_sysfs.c - the machine from /sys and the affinity mask, where hwloc is not built in. */
#include "runtime/base/checked.h"
#include "runtime/base/topology_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_FOLDER "/sys/devices/system/cpu/cpu%zu/"

/* One line of <root><path>, without its end; false when there is no such file. */
static bool read_line(char *line, size_t size, const char *root, const char *format, size_t a,
                      size_t b)
{
    char path[512];
    int n = snprintf(path, sizeof path, "%s", root);
    if (n < 0 || (size_t)n >= sizeof path) return false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(path + n, sizeof path - (size_t)n, format, a, b);
#pragma GCC diagnostic pop
    FILE *f = fopen(path, "r");
    if (!f) return false;
    const bool ok = fgets(line, (int)size, f) != NULL;
    fclose(f);
    if (ok) line[strcspn(line, "\n")] = 0;
    return ok;
}

static size_t read_number(const char *root, const char *format, size_t a, size_t b)
{
    char line[64];
    return read_line(line, sizeof line, root, format, a, b) ? strtoul(line, NULL, 10) : 0;
}

/* Numbers of a list such as "0-3,8": set those below CPU_SETSIZE. */
static void parse_list(cpu_set_t *set, const char *list)
{
    CPU_ZERO(set);
    while (*list) {
        char *end;
        const unsigned long first = strtoul(list, &end, 10);
        unsigned long last = first;
        if (end == list) return;
        if (*end == '-') last = strtoul(end + 1, &end, 10);
        for (unsigned long i = first; i <= last && i < CPU_SETSIZE; i++) CPU_SET(i, set);
        list = *end == ',' ? end + 1 : "";
    }
}

static size_t first_of(const cpu_set_t *set)
{
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set)) return i;
    return CPU_SETSIZE;
}

/* Bytes of a cache of this level and type as seen by a CPU; *shared: the CPUs that share it. */
static size_t find_cache(const char *root, size_t cpu, size_t level, const char *type,
                         cpu_set_t *shared)
{
    char line[1024];
    for (size_t i = 0; i < 8; i++) {
        if (!read_line(line, sizeof line, root, CPU_FOLDER "cache/index%zu/type", cpu, i)) break;
        if (strcmp(line, type)) continue;
        if (read_number(root, CPU_FOLDER "cache/index%zu/level", cpu, i) != level) continue;
        if (read_line(line, sizeof line, root, CPU_FOLDER "cache/index%zu/shared_cpu_list", cpu, i))
            parse_list(shared, line);
        return read_number(root, CPU_FOLDER "cache/index%zu/size", cpu, i) << 10; /* "512K" */
    }
    return 0;
}

/* Index of key among the keys seen so far, appending it when it is new. */
static uint16_t index_of(size_t *keys, size_t *n, size_t key)
{
    size_t i = 0;
    while (i < *n && keys[i] != key) i++;
    if (i == *n) keys[(*n)++] = key;
    return (uint16_t)i;
}

static size_t node_of(const char *root, size_t cpu)
{
    char line[1024];
    cpu_set_t set;
    for (size_t node = 0; node < 256; node++) {
        if (!read_line(line, sizeof line, root, "/sys/devices/system/node/node%zu/cpulist", node,
                       0))
            continue;
        parse_list(&set, line);
        if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set)) return node;
    }
    return 0;
}

/* Is the CPU the first allowed one of its core? */
static bool leads_core(const char *root, size_t cpu, const cpu_set_t *allowed)
{
    char line[1024];
    if (!read_line(line, sizeof line, root, CPU_FOLDER "topology/thread_siblings_list", cpu, 0))
        return true;
    cpu_set_t siblings;
    parse_list(&siblings, line);
    CPU_AND(&siblings, &siblings, allowed);
    return first_of(&siblings) == cpu || !CPU_ISSET(cpu, &siblings);
}

static void read_slow(cpu_set_t *slow, const char *root)
{
    char line[1024];
    CPU_ZERO(slow); /* Intel's hybrids list their efficiency cores */
    if (read_line(line, sizeof line, root, "/sys/devices/cpu_atom/cpus", 0, 0))
        parse_list(slow, line);
}

void ig_topology_sysfs(ig_topology *out, const char *root, const char *allowed)
{
    cpu_set_t mask, slow, shared;
    size_t caches[IG_MAX_CORES], nodes[IG_MAX_CORES], n_caches = 0, n_nodes = 0;
    *out = (ig_topology){.source = "sysfs"};
    CPU_ZERO(&mask);
    if (allowed)
        parse_list(&mask, allowed);
    else if (sched_getaffinity(0, sizeof mask, &mask))
        CPU_SET(0, &mask);
    read_slow(&slow, root);
    out->n_cpus = (size_t)CPU_COUNT(&mask);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && out->n_cores < IG_MAX_CORES; cpu++) {
        if (!CPU_ISSET(cpu, &mask) || !leads_core(root, cpu, &mask)) continue;
        CPU_ZERO(&shared);
        const size_t l3 = find_cache(root, cpu, 3, "Unified", &shared);
        if (out->n_cores == 0) {
            out->l3_bytes = l3;
            cpu_set_t own;
            out->l1d_bytes = find_cache(root, cpu, 1, "Data", &own);
            out->l2_bytes = find_cache(root, cpu, 2, "Unified", &own);
        }
        out->cores[out->n_cores++] = (ig_core){
            .cpu = (uint16_t)cpu,
            .cache = index_of(caches, &n_caches, first_of(&shared)),
            .node = index_of(nodes, &n_nodes, node_of(root, cpu)),
            .slow = CPU_ISSET(cpu, &slow),
        };
    }
    ig_topology_finish(out, root);
}
