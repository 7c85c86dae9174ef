/* topology_parts.h - inside of the topology: the reader through hwloc. */
#ifndef IG_TOPOLOGY_PARTS_H
#define IG_TOPOLOGY_PARTS_H

#include <sched.h>

#include "runtime/base/topology.h"

/* ig_topology_hwloc - false when hwloc is not built in or cannot read this machine. */
bool ig_topology_hwloc(ig_topology *out);

/* ig_topology_finish - sort the cores (fast first, then by cache, then by number), count them, and
 * look up the processor's name and the quota. Both readers end with it. */
void ig_topology_finish(ig_topology *t, const char *root);

#endif
