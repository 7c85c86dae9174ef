/* device.c - devices: which there are, opening one, and what happens when it fails.
 *
 * An error that is no lack of memory leaves the CUDA context useless: the device is then lost, and
 * every call says so at once. When a lost device is closed its context is reset, so that the next
 * one to open it finds it well. */
#include "runtime/device/cuda/inside.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

enum { OLDEST_CC = 80, BUDGET_TENTHS = 9 /* of what is free, unless told */ };

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

ingot_status cu_probe(int ordinal, ig_device_info *info, ingot_error *err)
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
                   "cuda:%d (%s) has compute capability %d.%d, the kernels need 8.0 or newer",
                   ordinal, info->name, info->cc_major, info->cc_minor);
}

static ingot_status set_budget(ig_device *d, size_t wish, ingot_error *err)
{
    const ig_device_info *i = &d->info;
    if (wish > i->total_bytes)
        return ig_fail(err, INGOT_E_ARG,
                       "a budget of %.1f MiB is asked for, cuda:%d (%s) has %.1f MiB", mib(wish),
                       i->ordinal, i->name, mib(i->total_bytes));
    if (wish > i->free_bytes && d->logs)
        ig_log_say(&d->log, IG_LOG_WARN,
                   "cuda:%d: a budget of %.1f MiB is asked for, %.1f MiB are free now", i->ordinal,
                   mib(wish), mib(i->free_bytes));
    d->pool.counts.budget_bytes = wish ? wish : i->free_bytes / 10 * BUDGET_TENTHS;
    return INGOT_OK;
}

ingot_status cu_open(ig_device **out, int ordinal, const ig_device_options *o, ingot_error *err)
{
    *out = NULL;
    ig_device_info info;
    IG_TRY(cu_probe(ordinal, &info, err));
    ig_device *d = ig_take0(o->heap, sizeof *d);
    if (!d) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", ordinal);
    d->heap = o->heap;
    d->fast = o->fast;
    d->logs = o->log != NULL;
    if (o->log) d->log = *o->log;
    d->info = info;
    atomic_init(&d->lost, false);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->why_lock, NULL);
    pthread_mutex_init(&d->tune.lock, NULL);
    ingot_status s = set_budget(d, o->budget_bytes, err);
    if (!s) s = tune_open(d, err);
    if (!s) s = device_enter(d, err);
    if (!s) s = constants_open(d, err);
    if (s) cu_close(&d);
    *out = d;
    return s;
}

void cu_close(ig_device **device)
{
    ig_device *d = *device;
    *device = NULL;
    if (!d) return;
    (void)gpu_use(d->info.ordinal);
    constants_close(d);
    tune_file_close(d);
    pool_close(d);
    if (atomic_load(&d->lost)) (void)gpu_reset(d->info.ordinal);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->why_lock);
    pthread_mutex_destroy(&d->tune.lock);
    ig_give(d->heap, d, sizeof *d);
}

bool cu_lost(const ig_device *d) { return atomic_load(&d->lost); }

void cu_memory(const ig_device *d, ig_device_memory *out)
{
    ig_device *writable = (ig_device *)(uintptr_t)d; /* its lock only */
    pthread_mutex_lock(&writable->lock);
    *out = d->pool.counts;
    pthread_mutex_unlock(&writable->lock);
}

/* ---- failures ---- */

ingot_status device_gone(const ig_device *d, ingot_error *err)
{
    return ig_fail(err, INGOT_E_DEVICE, "cuda:%d (%s) is lost: %s", d->info.ordinal, d->info.name,
                   d->why);
}

ingot_status device_failed(ig_device *d, int error, const char *what, ingot_error *err)
{
    if (gpu_kind_of(error) == GPU_FULL)
        return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: %s: %s", d->info.ordinal, what,
                       gpu_text(error));
    pthread_mutex_lock(&d->why_lock);
    if (!atomic_load(&d->lost)) {
        snprintf(d->why, sizeof d->why, "%.80s: %.60s (error %d)", what, gpu_text(error), error);
        atomic_store(&d->lost, true);
    }
    pthread_mutex_unlock(&d->why_lock);
    return device_gone(d, err);
}

ingot_status device_enter(ig_device *d, ingot_error *err)
{
    if (atomic_load(&d->lost)) return device_gone(d, err);
    CU_TRY(d, "selecting the device", err, gpu_use(d->info.ordinal));
    return INGOT_OK;
}
