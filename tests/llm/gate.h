/* gate.h - hold a generator until a test lets it go on: the request with `.piece = gate_wait,
 * .ud = &gate` keeps the generator's thread at each of its pieces until the gate has been opened so
 * often. So what meets whom does not hang on how fast the machine is. */
#ifndef IG_TESTS_GATE_H
#define IG_TESTS_GATE_H

#include "runtime/ingot.h"

#include <limits.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct {
    atomic_int reached, opened; /* pieces that came; that may go on */
} gate;

static inline bool gate_wait(void *ud, const ingot_piece *piece)
{
    (void)piece;
    gate *g = ud;
    const int mine = atomic_fetch_add(&g->reached, 1) + 1;
    while (atomic_load(&g->opened) < mine) usleep(50);
    return true;
}

/* The generator's thread is held at the nth piece. */
static inline void gate_reached(gate *g, int n)
{
    while (atomic_load(&g->reached) < n) usleep(50);
}

static inline void gate_open_once(gate *g) { atomic_fetch_add(&g->opened, 1); }
static inline void gate_open(gate *g) { atomic_store(&g->opened, INT_MAX); }

#endif
