/* cgroup.c - the CPU time that control groups allow (see ig_cgroup_quota in topology.h).
 *
 * /proc/self/cgroup has lines "ID:CONTROLLERS:PATH"; version 2 is "0::PATH", version 1 has `cpu`
 * among its controllers. PATH is beneath a mount point that differs between systems; inside a
 * container it may name a folder that is only visible outside, so the mount point itself is always
 * looked at too. A limit counts for all groups beneath it: the walk goes up to the top. */
#include "runtime/base/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 + 256 };

static const char *const mounts_v1[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct",
                                        "/sys/fs/cgroup/cpuacct,cpu", NULL};
static const char *const mounts_v2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};

static bool read_text(char *text, size_t size, const char *folder, const char *name)
{
    char path[PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    const bool ok = fgets(text, (int)size, f) != NULL;
    fclose(f);
    return ok;
}

/* CPUs that one group's own files allow; 0: no limit or no such group. */
static double limit_of(const char *folder, bool v2)
{
    char text[64];
    long long quota, period;
    if (v2) { /* "max 100000" or "150000 100000" */
        if (!read_text(text, sizeof text, folder, "cpu.max")) return 0;
        if (sscanf(text, "%lld %lld", &quota, &period) != 2) return 0;
    } else { /* -1: no limit */
        if (!read_text(text, sizeof text, folder, "cpu.cfs_quota_us")) return 0;
        quota = atoll(text);
        if (!read_text(text, sizeof text, folder, "cpu.cfs_period_us")) return 0;
        period = atoll(text);
    }
    return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

static double tighter(double a, double b)
{
    if (a <= 0) return b;
    return b > 0 && b < a ? b : a;
}

/* From root+mount+path up to root+mount. */
static double walk_up(const char *root, const char *mount, const char *path, bool v2)
{
    char folder[PATH_BYTES];
    const int base = snprintf(folder, sizeof folder, "%s%s", root, mount);
    if (base < 0 || (size_t)base + strlen(path) >= sizeof folder) return 0;
    snprintf(folder + base, sizeof folder - (size_t)base, "%s", path);
    double limit = 0;
    for (;;) {
        limit = tighter(limit, limit_of(folder, v2));
        char *slash = strrchr(folder + base, '/');
        if (!slash) return limit;
        *slash = 0;
    }
}

/* Is "cpu" one of the names of a list such as "cpu,cpuacct"? */
static bool lists_cpu(const char *names)
{
    while (*names) {
        const size_t n = strcspn(names, ",");
        if (n == 3 && !memcmp(names, "cpu", 3)) return true;
        names += n + (names[n] == ',');
    }
    return false;
}

static double limit_of_line(const char *root, char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
    if (!path) return 0;
    names++;
    *path++ = 0;
    const bool v2 = !*names;
    if (!v2 && !lists_cpu(names)) return 0;
    double limit = 0;
    for (const char *const *m = v2 ? mounts_v2 : mounts_v1; *m; m++)
        limit = tighter(limit, walk_up(root, *m, path, v2));
    return limit;
}

double ig_cgroup_quota(const char *root)
{
    char path[PATH_BYTES], line[PATH_BYTES];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "r");
    double limit = 0;
    while (f && fgets(line, sizeof line, f)) limit = tighter(limit, limit_of_line(root, line));
    if (f) fclose(f);
    return limit;
}
