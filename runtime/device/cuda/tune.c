/* tune.c - see tune.h: trials on the device, and what they told.
 *
 * A trial runs the variants in turn, round after round, and compares the medians of the times
 * between events before and behind each run. Between runs memory twice as large as L2 is
 * overwritten: weights come from memory as they do in a model. The model's order stands unless
 * another variant is faster by more than what such times scatter. */
#include "runtime/device/cuda/tune.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/inside.h"
#include "runtime/device/cuda/tune_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 7, SEED_BYTES = 16 << 10, ALIGN = 1024 /* of a swizzled tile */ };
static const double scatter = 0.03;

/* ---- what is known ---- */

ingot_status tune_open(ig_device *d, ingot_error *err)
{
    tune *t = &d->tune;
    static const char *const names[] = {
        [TUNE_OFF] = "off", [TUNE_CACHED] = "cached", [TUNE_FULL] = "full"};
    const char *mode = getenv("INGOT_AUTOTUNE");
    t->mode = TUNE_CACHED;
    for (int m = TUNE_OFF; mode && *mode && m <= TUNE_FULL; m++)
        if (!strcmp(mode, names[m])) {
            t->mode = (tune_mode)m;
            mode = NULL;
        }
    if (mode && *mode)
        return ig_fail(err, INGOT_E_ARG, "INGOT_AUTOTUNE is '%.40s': off, cached or full", mode);
    if (t->mode != TUNE_OFF) tune_file_open(d);
    return INGOT_OK;
}

int64_t ig_cu_bucket(int64_t n)
{
    int64_t step = 1;
    while (n > 4 * step) step *= 2;
    return (n + step - 1) / step * step;
}

bool ig_cu_trial_room(ig_cu_trial *t, size_t *at, size_t n, size_t m, size_t each)
{
    size_t bytes;
    return ig_align_ok(t->bytes, (size_t)ALIGN, at) && ig_mul_ok(n, m, &bytes) &&
           ig_mul_ok(bytes, each, &bytes) && ig_add_ok(*at, bytes, &t->bytes);
}

size_t ig_cu_trial_named(const ig_cu_trial *t, const char *name)
{
    size_t i = 0;
    while (i < t->n && strcmp(name, t->names[i]) != 0) i++;
    return i;
}

const char *ig_cu_tuned_name(ig_device_bind *b, const char *kernel)
{
    static const char word[] = ", tuned";
    const size_t n = strlen(kernel);
    char *text = ig_new_n(b->arena, char, n + sizeof word);
    if (!text) return kernel;
    memcpy(text, kernel, n);
    memcpy(text + n, word, sizeof word);
    return text;
}

/* ---- a trial ---- */

typedef struct {
    ig_device *d;
    const ig_cu_trial *trial;
    char *room, *cold; /* cold: what is overwritten between runs */
    size_t room_bytes, cold_bytes;
    cu_stream s;
    gpu_event from, to;
} bench;

static void bench_close(bench *b)
{
    if (b->s) gpu_stream_close(b->s);
    if (b->from) gpu_event_close(b->from);
    if (b->to) gpu_event_close(b->to);
    cu_give(b->d, b->room);
}

static ingot_status take_room(bench *b, ingot_error *err)
{
    gpu_info info;
    size_t whole;
    CU_TRY(b->d, "asking for the size of L2", err, gpu_describe(b->d->info.ordinal, &info));
    b->cold_bytes = 2 * info.l2_bytes;
    if (!ig_align_ok(b->trial->bytes, (size_t)ALIGN, &b->room_bytes) ||
        !ig_add_ok(b->room_bytes, b->cold_bytes, &whole))
        return ig_fail(err, INGOT_E_NOMEM, "no device has the memory for a trial");
    IG_TRY(cu_take(b->d, (void **)&b->room, whole, IG_DEVICE_WORK, err));
    b->cold = b->room + b->room_bytes;
    return INGOT_OK;
}

/* 16 random bits: as bf16 between 1/2 and 2, as f16 near 2, two of them as f32 near 1. */
static void random_numbers(uint16_t *out, size_t n)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = (uint16_t)(0x3f00 | (seed >> 24) | (seed >> 23 & 1) << 15);
    }
}

/* Zeros, then a block of numbers that is copied until all is full. */
static ingot_status fill_room(bench *b, ingot_error *err)
{
    ig_device *d = b->d;
    uint16_t seed[SEED_BYTES / 2];
    staging st = {.slot_bytes = SEED_BYTES};
    char *to = b->room + b->trial->zeros;
    const size_t bytes = b->trial->bytes - b->trial->zeros, first = IG_MIN(bytes, sizeof seed);
    random_numbers(seed, SEED_BYTES / 2);
    if (b->trial->zeros)
        CU_TRY(d, "preparing a trial", err, gpu_clear(b->s, b->room, b->trial->zeros));
    ingot_status s = staging_copy(d, &st, b->s, to, seed, first, GPU_UP, err);
    for (size_t n = first; !s && n < bytes; n *= 2) {
        const int e = gpu_copy(b->s, to + n, to, IG_MIN(n, bytes - n), GPU_WITHIN);
        if (e) s = device_failed(d, e, "preparing a trial", err);
    }
    if (!s) s = staging_finish(d, &st, err);
    staging_close(&st);
    return s;
}

static ingot_status time_run(bench *b, size_t i, double *us, ingot_error *err)
{
    ig_device *d = b->d;
    float ms = 0;
    if (b->cold_bytes) CU_TRY(d, "a trial", err, gpu_clear(b->s, b->cold, b->cold_bytes));
    CU_TRY(d, "a trial", err, gpu_event_record(b->from, b->s));
    CU_TRY(d, "a trial", err, b->trial->run(b->trial->ud, i, b->room, b->s));
    CU_TRY(d, "a trial", err, gpu_event_record(b->to, b->s));
    CU_TRY(d, "a trial", err, gpu_event_wait(b->to));
    CU_TRY(d, "a trial", err, gpu_event_between(&ms, b->from, b->to));
    *us = ms * 1e3;
    return INGOT_OK;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The fastest variant and its time; the rounds that are not counted load kernels and raise clocks.
 */
static ingot_status run_rounds(bench *b, size_t *best, double *us, ingot_error *err)
{
    double times[IG_CU_TRIALS][ROUNDS];
    for (int round = -1; round < ROUNDS; round++)
        for (size_t i = 0; i < b->trial->n; i++)
            IG_TRY(time_run(b, i, &times[i][IG_MAX(round, 0)], err));
    *best = 0;
    for (size_t i = 0; i < b->trial->n; i++) {
        qsort(times[i], ROUNDS, sizeof times[i][0], by_size);
        const double median = times[i][ROUNDS / 2];
        if (i == 0 || median < *us * (1 - scatter)) {
            *us = median;
            *best = i;
        }
    }
    return INGOT_OK;
}

static ingot_status measure(ig_device *d, const ig_cu_trial *t, size_t *best, double *us,
                            ingot_error *err)
{
    bench b = {.d = d, .trial = t};
    ingot_status s = take_room(&b, err);
    int e = s ? 0 : gpu_stream_open(&b.s);
    if (!s && !e) e = gpu_clock_open(&b.from);
    if (!s && !e) e = gpu_clock_open(&b.to);
    if (e) s = device_failed(d, e, "preparing a trial", err);
    if (!s) s = fill_room(&b, err);
    if (!s) s = run_rounds(&b, best, us, err);
    bench_close(&b);
    return s;
}

static ingot_status measure_and_keep(ig_device *d, const ig_cu_trial *t, char name[IG_CU_TUNE_NAME],
                                     ingot_error *err)
{
    size_t best = 0;
    double us = 0;
    ingot_error why = {0};
    const ingot_status s = measure(d, t, &best, &us, &why);
    if (s == INGOT_E_NOMEM || (s == INGOT_E_DEVICE && !cu_lost(d))) { /* no room, or refused */
        ig_log_say(device_log(), IG_LOG_WARN,
                   "cuda:%d: %s is not measured, the model chooses: %.160s", d->info.ordinal,
                   t->what, why.text);
        return INGOT_OK;
    }
    if (s) return ig_fail(err, s, "measuring %s: %.120s", t->what, why.text);
    snprintf(name, IG_CU_TUNE_NAME, "%s", t->names[best]);
    tune_file_keep(d, t->what, name, us);
    return INGOT_OK;
}

ingot_status ig_cu_tune(ig_device *d, const ig_cu_trial *t, char name[IG_CU_TUNE_NAME],
                        ingot_error *err)
{
    name[0] = 0;
    if (d->tune.mode == TUNE_OFF) return INGOT_OK;
    pthread_mutex_lock(&d->tune.lock);
    bool found = tune_file_find(d, t->what, name);
    const bool missing = !found && d->tune.mode == TUNE_FULL && t->n > 1;
    if (missing) { /* another process may have measured it by now */
        tune_file_read(d);
        found = tune_file_find(d, t->what, name);
    }
    const ingot_status s = missing && !found ? measure_and_keep(d, t, name, err) : INGOT_OK;
    pthread_mutex_unlock(&d->tune.lock);
    return s;
}
