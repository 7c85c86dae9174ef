/* machine.h - what the system says about this machine, for `doctor` and for benchmarks' reports. */
#ifndef IG_MACHINE_H
#define IG_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char cpu[128];       /* the processor's own name, or "unknown" */
    char system[128];    /* kernel's name and release */
    size_t n_online;     /* processors that run */
    size_t n_allowed;    /* those in this process's affinity mask */
    uint64_t ram_bytes;  /* all of it */
    uint64_t free_bytes; /* what could be had without swapping; 0: not known */
} ig_machine;

void ig_machine_read(ig_machine *m);

#endif
