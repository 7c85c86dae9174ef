/* gate.h - hold a generator until all requests of a test are handed in: the request with
 * `.piece = gate_wait, .ud = &gate` keeps the generator's thread at its first token until the gate
 * is open. So what meets whom does not hang on how fast the machine is. */
#ifndef IG_TESTS_GATE_H
#define IG_TESTS_GATE_H

#include "runtime/ingot.h"

#include <stdatomic.h>
#include <unistd.h>

typedef atomic_bool gate; /* true: open */

static inline bool gate_wait(void *ud, const ingot_piece *piece)
{
    (void)piece;
    while (!atomic_load((gate *)ud)) usleep(50);
    return true;
}

#endif
