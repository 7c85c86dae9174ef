/* profile.c - see profile.h. */
#include "tools/model/profile.h"
#include "runtime/base/checked.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/data/output.h"

#include <stdlib.h>
#include <string.h>

enum { TOP = 20 };

static bool grow(ig_profile *p)
{
    const size_t room = p->room ? 2 * p->room : 1024;
    if (p->n < p->room) return true;
    if (p->n >= IG_PROFILE_MOST) return false;
    ig_profile_event *events = ig_take(p->heap, room * sizeof *events);
    if (!events) return false;
    if (p->n) memcpy(events, p->events, p->n * sizeof *events);
    ig_give(p->heap, p->events, p->room * sizeof *events);
    p->events = events;
    p->room = room;
    return true;
}

void ig_profile_step(void *profile, const ingot_trace *step)
{
    ig_profile *p = profile;
    if (grow(p))
        p->events[p->n++] = (ig_profile_event){.step = *step, .run = p->run};
    else
        p->n_lost++;
}

void ig_profile_clear(ig_profile *p)
{
    ig_give(p->heap, p->events, p->room * sizeof *p->events);
    *p = (ig_profile){.heap = p->heap};
}

/* How near a stretch came to what the machine can do: the larger of two shares. */
typedef struct {
    double gflops, gbytes, percent;
    const char *limit;
} speed;

static speed speed_of(const ig_profile *p, double flops, double bytes, double seconds)
{
    speed s = {.limit = "none"};
    if (seconds <= 0 || p->limits.flops <= 0 || p->limits.bytes <= 0) return s;
    const double of_flops = flops / seconds / p->limits.flops;
    const double of_bytes = bytes / seconds / p->limits.bytes;
    s.gflops = flops / seconds * 1e-9;
    s.gbytes = bytes / seconds * 1e-9;
    s.percent = 100 * IG_MAX(of_flops, of_bytes);
    s.limit = of_flops > of_bytes ? "compute" : "memory";
    return s;
}

/* ---- the trace
 * -------------------------------------------------------------------------------------- */

static void put_name(ig_json *j, const char *kind, const char *name, int tid)
{
    ig_json_object(j, NULL);
    ig_json_text(j, "name", kind);
    ig_json_text(j, "ph", "M");
    ig_json_int(j, "pid", 1);
    ig_json_int(j, "tid", tid);
    ig_json_object(j, "args");
    ig_json_text(j, "name", name);
    ig_json_end(j);
    ig_json_end(j);
}

static void put_event(ig_json *j, const ig_profile *p, const ig_profile_event *e, uint64_t zero_ns)
{
    const ingot_trace *t = &e->step;
    const double seconds = 1e-9 * (double)(t->end_ns - t->begin_ns);
    const speed s = speed_of(p, t->flops, t->bytes, seconds);
    ig_json_object(j, NULL);
    ig_json_text(j, "name", *t->name ? t->name : t->op);
    ig_json_text(j, "cat", t->op);
    ig_json_text(j, "ph", "X");
    ig_json_f64(j, "ts", 1e-3 * (double)(t->begin_ns - zero_ns));
    ig_json_f64(j, "dur", 1e6 * seconds);
    ig_json_int(j, "pid", 1);
    ig_json_int(j, "tid", 1);
    ig_json_object(j, "args");
    ig_json_text(j, "op", t->op);
    ig_json_text(j, "kernel", t->kernel);
    ig_json_text(j, "device", t->device);
    ig_json_uint(j, "run", e->run);
    ig_json_f64(j, "flops", t->flops);
    ig_json_f64(j, "bytes", t->bytes);
    ig_json_f64(j, "gflops_per_s", s.gflops);
    ig_json_f64(j, "gbytes_per_s", s.gbytes);
    ig_json_f64(j, "percent_of_peak", s.percent);
    ig_json_text(j, "limit", s.limit);
    ig_json_end(j);
    ig_json_end(j);
}

static void put_runs(ig_json *j, const ig_profile *p, uint64_t zero_ns)
{
    for (size_t i = 0, first = 0; i < p->n; i++) {
        if (i + 1 < p->n && p->events[i + 1].run == p->events[first].run) continue;
        const uint64_t begin = p->events[first].step.begin_ns, end = p->events[i].step.end_ns;
        ig_json_object(j, NULL);
        ig_json_text(j, "name", "run");
        ig_json_text(j, "ph", "X");
        ig_json_f64(j, "ts", 1e-3 * (double)(begin - zero_ns));
        ig_json_f64(j, "dur", 1e-3 * (double)(end - begin));
        ig_json_int(j, "pid", 1);
        ig_json_int(j, "tid", 0);
        ig_json_end(j);
        first = i + 1;
    }
}

static void put_machine(ig_json *j, const ig_profile *p)
{
    ig_json_object(j, "otherData");
    ig_json_text(j, "ingot", ingot_version());
    ig_json_text(j, "isa", ig_cpu_level());
    ig_json_uint(j, "threads", p->threads);
    ig_json_f64(j, "peak_gflops_per_s", 1e-9 * p->limits.flops);
    ig_json_f64(j, "peak_gbytes_per_s", 1e-9 * p->limits.bytes);
    ig_json_uint(j, "lost_events", p->n_lost);
    ig_json_end(j);
}

static ingot_status put_trace(FILE *to, const ig_profile *p, const char *model, ingot_error *err)
{
    const uint64_t zero_ns = p->n ? p->events[0].step.begin_ns : 0;
    ig_json j;
    ig_json_init(&j, to, 0);
    ig_json_object(&j, NULL);
    ig_json_text(&j, "displayTimeUnit", "ms");
    put_machine(&j, p);
    ig_json_array(&j, "traceEvents");
    put_name(&j, "process_name", model, 0);
    put_name(&j, "thread_name", "runs", 0);
    put_name(&j, "thread_name", "steps", 1);
    put_runs(&j, p, zero_ns);
    for (size_t i = 0; i < p->n; i++) put_event(&j, p, &p->events[i], zero_ns);
    ig_json_end(&j);
    ig_json_end(&j);
    return ig_json_finish(&j, err);
}

ingot_status ig_profile_write(const ig_profile *p, const char *path, const char *model,
                              ingot_error *err)
{
    ig_output out;
    char *text = NULL;
    size_t n = 0;
    IG_TRY(ig_output_open(&out, p->heap, path, err));
    FILE *memory = open_memstream(&text, &n);
    ingot_status s = memory ? put_trace(memory, p, model, err)
                            : ig_fail(err, INGOT_E_NOMEM, "%s: no memory for the trace", path);
    if (memory && fclose(memory) && !s)
        s = ig_fail(err, INGOT_E_NOMEM, "%s: no memory for the trace", path);
    if (!s) s = out.sink.put(&out.sink, text, n, err);
    free(text);
    return ig_output_end(&out, s, err);
}

/* ---- the table
 * -------------------------------------------------------------------------------------- */

typedef struct {
    const char *op, *kernel;
    double seconds, flops, bytes;
    size_t n;
} total;

static int by_time(const void *a, const void *b)
{
    const double x = ((const total *)a)->seconds, y = ((const total *)b)->seconds;
    return (x < y) - (x > y);
}

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static size_t sum_up(total *totals, const ig_profile *p, double *seconds)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const ingot_trace *t = &p->events[i].step;
        size_t k = 0;
        while (k < n && !(same_text(totals[k].op, t->op) && same_text(totals[k].kernel, t->kernel)))
            k++;
        if (k == n) totals[n++] = (total){.op = t->op, .kernel = t->kernel};
        const double spent = 1e-9 * (double)(t->end_ns - t->begin_ns);
        totals[k].seconds += spent;
        totals[k].flops += t->flops;
        totals[k].bytes += t->bytes;
        totals[k].n++;
        *seconds += spent;
    }
    qsort(totals, n, sizeof *totals, by_time);
    return n;
}

ingot_status ig_profile_print(const ig_profile *p, FILE *to, ingot_error *err)
{
    double all = 0;
    char text[32];
    ig_table t;
    total *totals = ig_take0(p->heap, p->n * sizeof *totals);
    if (!totals) return ig_fail(err, INGOT_E_NOMEM, "profile: no memory");
    const size_t n = sum_up(totals, p, &all);
    ig_table_init(&t, 8, 0xfcu);
    static const char *const heads[] = {"op",      "kernel",  "calls", "time",
                                        "of time", "GFLOP/s", "GB/s",  "of peak"};
    for (size_t i = 0; i < IG_LEN(heads); i++) ig_table_cell(&t, "%s", heads[i]);
    for (size_t i = 0; i < IG_MIN(n, (size_t)TOP); i++) {
        const total *o = &totals[i];
        const speed s = speed_of(p, o->flops, o->bytes, o->seconds);
        ig_table_cell(&t, "%s", o->op);
        ig_table_cell(&t, "%s", o->kernel ? o->kernel : "-");
        ig_table_cell(&t, "%zu", o->n);
        ig_table_cell(&t, "%s", ig_format_time(text, sizeof text, o->seconds));
        ig_table_cell(&t, "%.1f %%", all > 0 ? 100 * o->seconds / all : 0);
        ig_table_cell(&t, "%.1f", s.gflops);
        ig_table_cell(&t, "%.1f", s.gbytes);
        ig_table_cell(&t, "%.0f %%", s.percent);
    }
    const ingot_status s = ig_table_print(&t, to, err);
    ig_table_clear(&t);
    ig_give(p->heap, totals, p->n * sizeof *totals);
    return s;
}
