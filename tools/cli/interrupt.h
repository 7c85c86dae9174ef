/* interrupt.h - Ctrl-C and other ends: no half-written file stays behind.
 *
 * Outside a watched stretch a signal removes the temporaries and ends the process at once, with
 * 128 + its number (130 for Ctrl-C). Within one, the first Ctrl-C only raises a flag, which the
 * work polls and answers with INGOT_E_CANCELLED; a second one ends it. */
#ifndef IG_INTERRUPT_H
#define IG_INTERRUPT_H

#include <stdbool.h>

void ig_interrupt_install(void);
void ig_interrupt_watch(bool on);
bool ig_interrupted(void);

/* ig_interrupt_call - the first Ctrl-C of a watched stretch also calls fn(ud), inside the signal
 * handler: what it does must be async-signal-safe. fn NULL: nothing. */
void ig_interrupt_call(void (*fn)(void *ud), void *ud);

#endif
