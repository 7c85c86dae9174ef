/* fault.h - a mapped file that shrinks, or whose disk fails, must not end the process.
 *
 * Reading past the end of a truncated map raises SIGBUS. With the guard installed, a fault inside a
 * watched range puts zeros there, raises the range's flag and goes on: the reader sees zeros and
 * looks at the flag afterwards. Other faults go to the handler that was there before. The tools
 * install the guard; a library's host opts in. */
#ifndef IG_FAULT_H
#define IG_FAULT_H

#include <stdatomic.h>

#include "runtime/base/status.h"

enum { IG_MAX_WATCHES = 1024 };

/* ig_fault_guard_install - for the whole process; again: no effect. Errors: E_IO. */
ingot_status ig_fault_guard_install(ingot_error *err);
bool ig_fault_guard_installed(void);

/* ig_fault_watch - guard the mapping [addr, addr + len); *bad becomes true at its first fault and
 * is never reset. addr is the start of a mapping. bad must live until ig_fault_unwatch(addr), which
 * comes before munmap. Errors: E_FULL (IG_MAX_WATCHES). Threads: any. */
ingot_status ig_fault_watch(const void *addr, size_t len, atomic_bool *bad, ingot_error *err);
void ig_fault_unwatch(const void *addr); /* not watched: no effect */

#endif
