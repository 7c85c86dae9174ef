/* device.c - devices: which there are, opening them, and what happens when one fails.
 *
 * A process has one object a device, whoever opens it and how often: one context is behind it, so
 * one budget, one pool and one copy of each weight are, and who loses the context loses it for all.
 * A device that was lost is reset when the last who opened it closes it: a reset takes everything
 * away that anybody has there. Then it can be opened again.
 *
 * Most errors are no loss: the call that gave one has failed, the rest goes on (gpu.c). */
#include "runtime/device/cuda/inside.h"
#include "runtime/device/cuda/conv_cudnn.h"
#include "runtime/base/checked.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    OLDEST_CC = 80,
    SPARE_PART = 10,        /* of what is free: left alone unless a budget is given */
    SPARE_LEAST = 384 << 20 /* but at least so much: what libraries and the driver take later */
};

/* Of all devices that are open. The lock is held while one is opened, closed or looked at: nobody
 * uses a device that is just being reset. */
static struct {
    pthread_mutex_t lock;
    ig_device *first;
    ig_heap heap; /* host memory of all of them, since no runtime owns them */
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double mib(size_t bytes) { return (double)bytes / (1 << 20); }

static ingot_status no_device(int error, ingot_error *err)
{
    int driver, runtime;
    gpu_versions(&driver, &runtime);
    if (gpu_kind_of(error) == GPU_NO_DRIVER && !driver)
        return ig_fail(err, INGOT_E_DEVICE, "no NVIDIA driver is installed");
    if (gpu_kind_of(error) == GPU_NO_DRIVER)
        return ig_fail(err, INGOT_E_DEVICE,
                       "the NVIDIA driver is for CUDA %d.%d, this build needs %d.%d (update the "
                       "driver)",
                       driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    if (!error || gpu_kind_of(error) == GPU_NO_DEVICE)
        return ig_fail(err, INGOT_E_DEVICE, "the NVIDIA driver finds no device");
    return ig_fail(err, INGOT_E_DEVICE, "the NVIDIA driver fails: %s (error %d)", gpu_text(error),
                   error);
}

int cu_count(ingot_error *err)
{
    int n = 0;
    const int e = gpu_count(&n);
    if (!e && n > 0) return n;
    (void)no_device(e, err);
    return 0;
}

/* The lock is held. */
static ingot_status look(int ordinal, ig_device_info *info, ingot_error *err)
{
    *info = (ig_device_info){.ordinal = ordinal, .emulated = gpu_emulated};
    gpu_versions(&info->driver, &info->runtime);
    int n = 0;
    int e = gpu_count(&n);
    if (e || n <= 0) return no_device(e, err);
    if (ordinal < 0 || ordinal >= n)
        return ig_fail(err, INGOT_E_DEVICE, "there is no cuda:%d, the last one is cuda:%d", ordinal,
                       n - 1);
    gpu_info g = {0};
    e = gpu_describe(ordinal, &g);
    snprintf(info->name, sizeof info->name, "%s", g.name);
    info->cc_major = g.cc / 10, info->cc_minor = g.cc % 10;
    info->processors = g.processors;
    info->total_bytes = g.total_bytes, info->free_bytes = g.free_bytes;
    if (e)
        return ig_fail(err, INGOT_E_DEVICE, "cuda:%d cannot be used: %s (error %d)", ordinal,
                       gpu_text(e), e);
    if (g.cc >= OLDEST_CC) return INGOT_OK;
    return ig_fail(err, INGOT_E_DEVICE,
                   "cuda:%d (%s) has compute capability %d.%d, the kernels need %d.%d or newer",
                   ordinal, info->name, info->cc_major, info->cc_minor, OLDEST_CC / 10,
                   OLDEST_CC % 10);
}

ingot_status cu_probe(int ordinal, ig_device_info *info, ingot_error *err)
{
    pthread_mutex_lock(&all.lock);
    const ingot_status s = look(ordinal, info, err);
    pthread_mutex_unlock(&all.lock);
    return s;
}

/* ---- the budget ---- */

/* What is free was asked for when the context was there. Kernels that are loaded when they are
 * first used, cuDNN's handle and NCCL's buffers still come out of what is left. */
static size_t usual_budget(size_t free)
{
    return free - IG_MAX(free / SPARE_PART, IG_MIN((size_t)SPARE_LEAST, free / 4));
}

static ingot_status set_budget(ig_device *d, const ig_device_options *o, ingot_error *err)
{
    const ig_device_info *i = &d->info;
    const double f = o->budget_fraction;
    size_t bytes = o->budget_bytes;
    if (!bytes && !(f >= 0 && f <= 1))
        return ig_fail(err, INGOT_E_ARG, "a budget of %g of the device's memory: above 0, up to 1",
                       f);
    if (bytes > i->total_bytes)
        return ig_fail(err, INGOT_E_ARG,
                       "a budget of %.1f MiB is asked for, cuda:%d (%s) has %.1f MiB", mib(bytes),
                       i->ordinal, i->name, mib(i->total_bytes));
    if (bytes > i->free_bytes)
        ig_log_say(device_log(), IG_LOG_WARN,
                   "cuda:%d: a budget of %.1f MiB is asked for, %.1f MiB are free now", i->ordinal,
                   mib(bytes), mib(i->free_bytes));
    if (!bytes && f > 0) bytes = (size_t)((double)i->free_bytes * f);
    if (!bytes) bytes = usual_budget(i->free_bytes);
    d->pool.counts.budget_bytes = bytes;
    d->wish_bytes = o->budget_bytes;
    d->wish_fraction = o->budget_fraction;
    ig_log_say(device_log(), IG_LOG_INFO,
               "cuda:%d (%s): a budget of %.1f MiB, %.1f of %.1f MiB are free; the driver, cuDNN "
               "and NCCL take theirs from the rest",
               i->ordinal, i->name, mib(bytes), mib(i->free_bytes), mib(i->total_bytes));
    return INGOT_OK;
}

/* Who has no wish takes what there is. */
static bool same_wish(const ig_device *d, const ig_device_options *o)
{
    const bool any = !o->budget_bytes && o->budget_fraction == 0;
    return any || (o->budget_bytes == d->wish_bytes && !(o->budget_fraction > d->wish_fraction ||
                                                         o->budget_fraction < d->wish_fraction));
}

/* ---- whose log ---- */

static _Thread_local const ig_log *log_now;

const ig_log *device_log(void) { return log_now; }
void device_log_use(const ig_log *log) { log_now = log; }

/* ---- opening and closing (the lock is held) ---- */

static void destroy(ig_device *d)
{
    ig_device **link = &all.first;
    while (*link && *link != d) link = &(*link)->next;
    if (*link) *link = d->next;
    (void)gpu_use(d->info.ordinal);
    if (ig_cudnn()) ig_cudnn()->forget();
    constants_close(d);
    tune_file_close(d);
    pool_close(d);
    if (atomic_load(&d->lost)) (void)gpu_reset(d->info.ordinal);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->why_lock);
    pthread_mutex_destroy(&d->tune.lock);
    ig_give(&all.heap, d, sizeof *d);
    assert(all.first || !atomic_load(&all.heap.live_bytes)); /* streams were closed before */
}

static ingot_status create(ig_device **out, int ordinal, const ig_device_options *o,
                           ingot_error *err)
{
    ig_device_info info;
    IG_TRY(look(ordinal, &info, err));
    if (!all.heap.alloc.fn) ig_heap_init(&all.heap, NULL);
    ig_device *d = ig_take0(&all.heap, sizeof *d);
    if (!d) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", ordinal);
    d->heap = &all.heap;
    d->info = info;
    d->holds = 1;
    atomic_init(&d->lost, false);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->why_lock, NULL);
    pthread_mutex_init(&d->tune.lock, NULL);
    ingot_status s = set_budget(d, o, err);
    if (!s) s = tune_open(d, err);
    if (!s) s = device_enter(d, err);
    if (!s) s = constants_open(d, err);
    if (s) {
        destroy(d);
        return s;
    }
    d->next = all.first;
    *out = all.first = d;
    return INGOT_OK;
}

static ingot_status share(ig_device **out, ig_device *d, const ig_device_options *o,
                          ingot_error *err)
{
    if (atomic_load(&d->lost))
        return ig_fail(
            err, INGOT_E_DEVICE,
            "cuda:%d is lost (%s); it can be used again when all sessions and generators "
            "of this process that use it are closed",
            d->info.ordinal, d->why);
    if (!same_wish(d, o))
        return ig_fail(err, INGOT_E_ARG,
                       "cuda:%d is open in this process with another budget (%.1f MiB), which all "
                       "models share",
                       d->info.ordinal, mib(d->pool.counts.budget_bytes));
    d->holds++;
    *out = d;
    return INGOT_OK;
}

ingot_status cu_open(ig_device **out, int ordinal, const ig_device_options *o, ingot_error *err)
{
    *out = NULL;
    pthread_mutex_lock(&all.lock);
    ig_device *d = all.first;
    device_log_use(o->log);
    while (d && d->info.ordinal != ordinal) d = d->next;
    const ingot_status s = d ? share(out, d, o, err) : create(out, ordinal, o, err);
    device_log_use(NULL);
    pthread_mutex_unlock(&all.lock);
    return s;
}

void cu_close(ig_device **device)
{
    ig_device *d = *device;
    *device = NULL;
    if (!d) return;
    pthread_mutex_lock(&all.lock);
    if (!--d->holds) destroy(d);
    pthread_mutex_unlock(&all.lock);
}

bool cu_lost(const ig_device *d) { return atomic_load(&d->lost); }

void cu_memory(const ig_device *d, ig_device_memory *out)
{
    ig_device *writable = (ig_device *)(uintptr_t)d; /* its lock, and what has come to be free */
    pthread_mutex_lock(&writable->lock);
    pool_collect(writable);
    *out = d->pool.counts;
    pthread_mutex_unlock(&writable->lock);
}

/* ---- failures ---- */

ingot_status device_gone(const ig_device *d, ingot_error *err)
{
    return ig_fail(err, INGOT_E_DEVICE, "cuda:%d (%s) is lost: %s", d->info.ordinal, d->info.name,
                   d->why);
}

static ingot_status lose(ig_device *d, int error, const char *what, ingot_error *err)
{
    pthread_mutex_lock(&d->why_lock);
    if (!atomic_load(&d->lost)) {
        snprintf(d->why, sizeof d->why, "%.80s: %.60s (error %d)", what, gpu_text(error), error);
        atomic_store(&d->lost, true);
    }
    pthread_mutex_unlock(&d->why_lock);
    return device_gone(d, err);
}

ingot_status device_failed(ig_device *d, int error, const char *what, ingot_error *err)
{
    switch (gpu_kind_of(error)) {
    case GPU_FULL:
        return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: %s: %s", d->info.ordinal, what,
                       gpu_text(error));
    case GPU_REFUSED:
        return ig_fail(err, INGOT_E_DEVICE, "cuda:%d (%s) refuses: %s: %.200s (error %d)",
                       d->info.ordinal, d->info.name, what, gpu_text(error), error);
    default:
        return lose(d, error, what, err);
    }
}

ingot_status device_enter(ig_device *d, ingot_error *err)
{
    if (atomic_load(&d->lost)) return device_gone(d, err);
    CU_TRY(d, "selecting the device", err, gpu_use(d->info.ordinal));
    return INGOT_OK;
}
