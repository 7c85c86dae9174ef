/* machine.c - see machine.h. Read from /proc, uname and sysconf; what is missing there stays 0. */
#include "tools/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of the first "key : value" line; false when the file has none. */
static bool find_line(char *value, size_t room, const char *path, const char *key)
{
    char line[512];
    bool found = false;
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        const size_t n = strlen(key);
        if (strncmp(line, key, n) != 0) continue;
        const char *v = line + n + strspn(line + n, " \t:");
        snprintf(value, room, "%.*s", (int)strcspn(v, "\n"), v);
        found = true;
    }
    if (f) fclose(f);
    return found;
}

static uint64_t meminfo_bytes(const char *key)
{
    char value[64];
    uint64_t kib = 0;
    if (!find_line(value, sizeof value, "/proc/meminfo", key)) return 0;
    return sscanf(value, "%" SCNu64, &kib) == 1 ? kib << 10 : 0;
}

void ig_machine_read(ig_machine *m)
{
    struct utsname u;
    cpu_set_t allowed;
    *m = (ig_machine){.cpu = "unknown", .system = "unknown"};
    if (!find_line(m->cpu, sizeof m->cpu, "/proc/cpuinfo", "model name"))
        find_line(m->cpu, sizeof m->cpu, "/proc/device-tree/model", ""); /* Arm boards */
    if (!uname(&u))
        snprintf(m->system, sizeof m->system, "%.40s %.60s %.20s", u.sysname, u.release, u.machine);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    m->n_online = online > 0 ? (size_t)online : 1;
    CPU_ZERO(&allowed);
    const bool known = !sched_getaffinity(0, sizeof allowed, &allowed);
    m->n_allowed = known ? (size_t)CPU_COUNT(&allowed) : m->n_online;
    m->ram_bytes = meminfo_bytes("MemTotal");
    m->free_bytes = meminfo_bytes("MemAvailable");
}
