/* fault.c - see fault.h.
 *
 * The handler may run on any thread while another changes the list, so it reads each entry like a
 * sequence lock: `version` is odd while the entry is being written, and is read before and after.
 * An entry that changes at that moment is not the faulting one: its map is in use. */
#include "runtime/base/fault.h"
#include "runtime/base/checked.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    atomic_uint version;
    atomic_uintptr_t begin, end; /* begin == 0: free */
    _Atomic(atomic_bool *) bad;
} watch;

static watch watches[IG_MAX_WATCHES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* writers of watches, and installing */
static atomic_size_t n_used;                             /* entries beyond were never used */
static atomic_bool installed;
static struct sigaction before;
static uintptr_t page;

/* Zeros from the faulting page to the end of the map: what lies behind a cut is missing as well,
 * and one mapping spares a fault for each page. The bare system call: what tools put around mmap
 * is not made for signal handlers. */
static bool cover(uintptr_t at, uintptr_t end)
{
    const uintptr_t start = at & ~(page - 1);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    return syscall(SYS_mmap, start, end - start, PROT_READ, flags, -1, 0) != -1;
}

static bool handle(uintptr_t at)
{
    const size_t n = atomic_load(&n_used);
    for (size_t i = 0; i < n; i++) {
        watch *w = &watches[i];
        const unsigned version = atomic_load(&w->version);
        const uintptr_t begin = atomic_load(&w->begin), end = atomic_load(&w->end);
        atomic_bool *bad = atomic_load(&w->bad);
        if (version & 1 || version != atomic_load(&w->version)) continue;
        if (!begin || at < begin || at >= end) continue;
        atomic_store(bad, true);
        return cover(at, end);
    }
    return false;
}

/* Give the signal to whoever had it; the default is restored and the fault repeats to meet it. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else if (before.sa_handler == SIG_DFL || info->si_code > 0) {
        signal(number, SIG_DFL);
        if (info->si_code <= 0) raise(number); /* sent by kill: nothing would repeat it */
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    const int error = errno;
    const bool fault = info->si_code > 0; /* from the kernel, with an address */
    if (!fault || !handle((uintptr_t)info->si_addr)) pass_on(number, info, context);
    errno = error;
}

ingot_status ig_fault_guard_install(ingot_error *err)
{
    pthread_mutex_lock(&lock);
    ingot_status s = INGOT_OK;
    if (!atomic_load(&installed)) {
        page = (uintptr_t)sysconf(_SC_PAGESIZE);
        struct sigaction now = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigemptyset(&now.sa_mask);
        if (sigaction(SIGBUS, NULL, &before) || sigaction(SIGBUS, &now, NULL))
            s = ig_fail(err, INGOT_E_IO, "cannot guard against faults of mapped files: %s",
                        strerror(errno));
        else
            atomic_store(&installed, true);
    }
    pthread_mutex_unlock(&lock);
    return s;
}

bool ig_fault_guard_installed(void) { return atomic_load(&installed); }

static void set_watch(watch *w, uintptr_t begin, uintptr_t end, atomic_bool *bad)
{
    atomic_fetch_add(&w->version, 1);
    atomic_store(&w->begin, begin);
    atomic_store(&w->end, end);
    atomic_store(&w->bad, bad);
    atomic_fetch_add(&w->version, 1);
}

ingot_status ig_fault_watch(const void *addr, size_t len, atomic_bool *bad, ingot_error *err)
{
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < IG_MAX_WATCHES && atomic_load(&watches[i].begin)) i++;
    if (i < IG_MAX_WATCHES) {
        set_watch(&watches[i], (uintptr_t)addr, (uintptr_t)addr + len, bad);
        if (i >= atomic_load(&n_used)) atomic_store(&n_used, i + 1);
    }
    pthread_mutex_unlock(&lock);
    if (i < IG_MAX_WATCHES) return INGOT_OK;
    return ig_fail(err, INGOT_E_FULL, "%d mapped files are watched already, close some",
                   IG_MAX_WATCHES);
}

void ig_fault_unwatch(const void *addr)
{
    pthread_mutex_lock(&lock);
    const size_t n = atomic_load(&n_used);
    for (size_t i = 0; i < n; i++)
        if (addr && atomic_load(&watches[i].begin) == (uintptr_t)addr) {
            set_watch(&watches[i], 0, 0, NULL);
            break;
        }
    pthread_mutex_unlock(&lock);
}
