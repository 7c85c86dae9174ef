/* pool_wait.c - spin a little, then sleep in the kernel.
 *
 * A spinner looks at the clock every few pauses. When two looks lie far apart the scheduler has run
 * something else in between: cores are short, and spinning takes them from those who have work, so
 * the whole pool stops spinning for a while. */
#include "runtime/base/pool_job.h"
#include "runtime/base/clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAUSES = 16 }; /* between looks at the clock: about half a microsecond */

#define PREEMPTED_NS UINT64_C(1500000)
#define CROWDED_NS   UINT64_C(20000000)

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* One look at the clock: may the spinner go on? */
static bool may_spin(uint64_t start, uint64_t *last, ig_patience *patience)
{
    const uint64_t now = ig_now_ns();
    if (now - *last > PREEMPTED_NS)
        atomic_store_explicit(&patience->crowded_till, now + CROWDED_NS, memory_order_relaxed);
    *last = now;
    return now - start < patience->spin_ns;
}

static bool spins_at_all(uint64_t now, ig_patience *patience)
{
    return patience->spin_ns &&
           now >= atomic_load_explicit(&patience->crowded_till, memory_order_relaxed);
}

bool ig_spin_changed(_Atomic uint32_t *word, uint32_t old, ig_patience *patience)
{
    const uint64_t start = ig_now_ns();
    uint64_t last = start;
    if (!spins_at_all(start, patience)) return atomic_load(word) != old;
    do {
        for (int i = 0; i < PAUSES; i++, pause_cpu())
            if (atomic_load_explicit(word, memory_order_acquire) != old) return true;
    } while (may_spin(start, &last, patience));
    return false;
}

bool ig_spin_idle(_Atomic uint64_t *state, ig_patience *patience)
{
    if (!(atomic_load_explicit(state, memory_order_acquire) & JOB_ACTIVE)) return true;
    const uint64_t start = ig_now_ns();
    uint64_t last = start;
    if (!spins_at_all(start, patience)) return false;
    do {
        for (int i = 0; i < PAUSES; i++, pause_cpu())
            if (!(atomic_load_explicit(state, memory_order_acquire) & JOB_ACTIVE)) return true;
    } while (may_spin(start, &last, patience));
    return false;
}

void ig_sleep(_Atomic uint32_t *word, uint32_t old, uint32_t mask)
{
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, old, NULL, NULL, mask);
}

void ig_wake(_Atomic uint32_t *word, uint32_t mask)
{
    syscall(SYS_futex, word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, mask);
}
