/* interrupt.c - see interrupt.h. */
#include "tools/cli/interrupt.h"
#include "runtime/base/checked.h"
#include "runtime/base/file.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool watched, raised;
static void (*_Atomic call)(void *ud);
static void *_Atomic call_ud;

static void on_signal(int number)
{
    if (number == SIGINT && atomic_load(&watched) && !atomic_exchange(&raised, true)) {
        void (*const fn)(void *ud) = atomic_load(&call);
        if (fn) fn(atomic_load(&call_ud));
        return;
    }
    ig_writer_unlink_all();
    _exit(128 + number);
}

void ig_interrupt_install(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = on_signal}, old;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < IG_LEN(ends); i++)
        if (!sigaction(ends[i], NULL, &old) && old.sa_handler != SIG_IGN) /* nohup stays nohup */
            sigaction(ends[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* past a file size limit, write() gives an error instead */
    sigaction(SIGXFSZ, &action, NULL);
}

void ig_interrupt_watch(bool on) { atomic_store(&watched, on); }

bool ig_interrupted(void) { return atomic_load(&raised); }

void ig_interrupt_call(void (*fn)(void *ud), void *ud)
{
    atomic_store(&call, NULL);
    atomic_store(&call_ud, ud);
    atomic_store(&call, fn);
}
