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

#endif
