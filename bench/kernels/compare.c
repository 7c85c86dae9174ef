/* compare.c - see compare.h. */
#include "bench/kernels/compare.h"
#include "bench/kernels/report.h"
#include "runtime/base/file.h"
#include "runtime/base/json_read.h"
#include "tools/cli/text.h"
#include "tools/machine.h"

#include <stdio.h>
#include <string.h>

static const double MATTERS = 0.03;

ingot_status earlier_open(bench_earlier *e, ig_heap *heap, const char *path, ingot_error *err)
{
    ig_map map = {0};
    *e = (bench_earlier){.path = path};
    ig_arena_init(&e->arena, heap);
    if (ig_map_open(&map, heap, path, err)) return ig_wrap(err, INGOT_E_DATA, "--compare");
    ingot_status s = ig_json_read(&e->root, (const char *)map.data, map.size, &e->arena, err);
    ig_map_close(&map);
    if (s) return ig_wrap(err, s, "--compare %s", path);
    const ig_json_value *results = ig_json_find(e->root, "results");
    if (!results || results->kind != IG_JSON_ARRAY)
        return ig_fail(err, INGOT_E_DATA, "--compare %s: no results of ingot bench kernels", path);
    return INGOT_OK;
}

void earlier_close(bench_earlier *e) { ig_arena_clear(&e->arena); }

static bool same_text(const char *a, const char *b) { return a && b && !strcmp(a, b); }

static const ig_json_value *find_case(const bench_earlier *e, const bench_result *r)
{
    const ig_json_value *v = ig_json_find(e->root, "results")->first;
    for (; v; v = v->next)
        if (same_text(ig_json_find_text(v, "bench"), r->name) &&
            same_text(ig_json_find_text(v, "shape"), r->shape) &&
            ig_json_find_number(v, "threads", 0) == (double)r->threads)
            return v;
    return NULL;
}

/* How fast, of something that both runs have: more is faster. */
typedef struct {
    double median, low, high;
} speed;

static speed of_time(double seconds, double median, double low, double high, bool rate)
{
    if (rate) return (speed){1 / seconds, low / median / seconds, high / median / seconds};
    return (speed){1 / seconds, median / high / seconds, median / low / seconds};
}

/* false: the earlier entry lacks numbers. */
static bool speeds(speed *was, speed *is, const ig_json_value *v, const bench_result *r)
{
    char limit[32];
    const double median = ig_json_find_number(v, "median", 0),
                 low = ig_json_find_number(v, "p10", 0);
    const double high = ig_json_find_number(v, "p90", 0),
                 time = ig_json_find_number(v, "seconds", 0);
    const double share = ig_json_find_number(v, "limit_pct", 0) / 100;
    if (!(median > 0) || !(low > 0) || !(high > 0) || !(time > 0)) return false;
    const char *was_limit = ig_json_find_text(v, "limit");
    if (r->limit && share > 0 && same_text(was_limit, limit_text(limit, sizeof limit, r->limit))) {
        *was = (speed){share, share * low / median, share * high / median};
        *is = (speed){r->median, r->low, r->high};
    } else {
        *was = of_time(time, median, low, high, was_limit != NULL);
        *is = of_time(result_seconds(r), r->median, r->low, r->high, r->limit != NULL);
    }
    return true;
}

static const char *judge(const speed *was, const speed *is, double change)
{
    if (change > -MATTERS && change < MATTERS) return "";
    if (is->low <= was->high && was->low <= is->high) return "within the spread";
    return change < 0 ? "SLOWER" : "faster";
}

static void tell_machine(const bench_earlier *e)
{
    ig_machine m;
    const ig_json_value *then = ig_json_find(e->root, "machine");
    const char *cpu = ig_json_find_text(then, "cpu"), *date = ig_json_find_text(then, "date");
    const char *commit = ig_json_find_text(then, "commit");
    ig_machine_read(&m);
    printf("\nbeside %s (%s, commit %s)\n", e->path, date ? date : "no date",
           commit ? commit : "not known");
    if (!same_text(cpu, m.cpu))
        printf("measured on another processor: %s\n", cpu ? cpu : "unknown");
}

ingot_status earlier_print(const bench_earlier *e, const bench *b, size_t *n_slower,
                           ingot_error *err)
{
    static const char *const heads[] = {"bench",  "shape",    "threads",
                                        "change", "p10..p90", "verdict"};
    ig_table t;
    size_t n_common = 0;
    *n_slower = 0;
    tell_machine(e);
    ig_table_init(&t, IG_LEN(heads), 0x1c);
    for (size_t i = 0; i < IG_LEN(heads); i++) ig_table_cell(&t, "%s", heads[i]);
    for (size_t i = 0; i < b->n_results; i++) {
        const bench_result *r = &b->results[i];
        const ig_json_value *v = find_case(e, r);
        speed was, is;
        if (!v || !speeds(&was, &is, v, r)) continue;
        const double change = is.median / was.median - 1;
        const char *verdict = judge(&was, &is, change);
        *n_slower += *verdict == 'S';
        n_common++;
        ig_table_cell(&t, "%s", r->name);
        ig_table_cell(&t, "%s", r->shape);
        ig_table_cell(&t, "%zu", r->threads);
        ig_table_cell(&t, "%+.1f %%", 100 * change);
        ig_table_cell(&t, "%+.1f..%+.1f", 100 * (is.low / was.median - 1),
                      100 * (is.high / was.median - 1));
        ig_table_cell(&t, "%s", verdict);
    }
    const ingot_status s = ig_table_print(&t, stdout, err);
    ig_table_clear(&t);
    printf("%zu of %zu cases are in both; %zu slower\n", n_common, b->n_results, *n_slower);
    if (!s && !n_common)
        return ig_fail(err, INGOT_E_DATA,
                       "%s has none of the cases that were measured: nothing was compared",
                       e->path);
    return s;
}
