/* topology_hwloc.c - the machine as hwloc sees it. Loading takes milliseconds, so it happens once,
 * without I/O devices and without the x86 component that visits every CPU (Linux tells it all). */
#include "runtime/base/topology_parts.h"

#if IG_HAVE_HWLOC
#    include <hwloc.h>

static uint16_t index_up(hwloc_obj_t core, hwloc_topology_t topology, hwloc_obj_type_t type)
{
    const hwloc_obj_t up = hwloc_get_ancestor_obj_by_type(topology, type, core);
    return up ? (uint16_t)up->logical_index : 0;
}

static uint16_t node_index(hwloc_obj_t core, hwloc_topology_t topology)
{
    hwloc_obj_t node = NULL;
    while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)))
        if (hwloc_bitmap_isincluded(core->cpuset, node->cpuset))
            return (uint16_t)node->logical_index;
    return 0;
}

/* Kinds come in rising efficiency: what is below the last is slow. */
static bool is_slow(hwloc_topology_t topology, hwloc_obj_t core)
{
    const int n = hwloc_cpukinds_get_nr(topology, 0);
    const int kind = n > 1 ? hwloc_cpukinds_get_by_cpuset(topology, core->cpuset, 0) : -1;
    return kind >= 0 && kind < n - 1;
}

static size_t cache_bytes(hwloc_topology_t topology, hwloc_obj_type_t type)
{
    const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0);
    return cache ? (size_t)cache->attr->cache.size : 0;
}

static hwloc_topology_t load(void)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology)) return NULL;
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    if (hwloc_topology_load(topology) == 0) return topology;
    hwloc_topology_destroy(topology);
    return NULL;
}

bool ig_topology_hwloc(ig_topology *out)
{
    const hwloc_topology_t topology = load();
    if (!topology) return false;
    *out = (ig_topology){.source = "hwloc"};
    hwloc_bitmap_t mask = hwloc_bitmap_alloc(), both = hwloc_bitmap_alloc();
    hwloc_obj_t core = NULL;
    const bool ok = mask && both && hwloc_get_cpubind(topology, mask, HWLOC_CPUBIND_THREAD) == 0;
    if (ok) hwloc_bitmap_and(mask, mask, hwloc_topology_get_allowed_cpuset(topology));
    while (ok && (core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core))) {
        hwloc_bitmap_and(both, core->cpuset, mask);
        if (hwloc_bitmap_iszero(both) || out->n_cores == IG_MAX_CORES) continue;
        out->n_cpus += (size_t)hwloc_bitmap_weight(both);
        out->cores[out->n_cores++] = (ig_core){
            .cpu = (uint16_t)hwloc_bitmap_first(both),
            .cache = index_up(core, topology, HWLOC_OBJ_L3CACHE),
            .node = node_index(core, topology),
            .slow = is_slow(topology, core),
        };
    }
    out->l1d_bytes = cache_bytes(topology, HWLOC_OBJ_L1CACHE);
    out->l2_bytes = cache_bytes(topology, HWLOC_OBJ_L2CACHE);
    out->l3_bytes = cache_bytes(topology, HWLOC_OBJ_L3CACHE);
    hwloc_bitmap_free(mask);
    hwloc_bitmap_free(both);
    hwloc_topology_destroy(topology);
    if (out->n_cores) ig_topology_finish(out, "");
    return out->n_cores > 0;
}
#else
bool ig_topology_hwloc(ig_topology *out)
{
    (void)out;
    return false;
}
#endif
