/* report.c - see report.h. */
#include "bench/kernels/report.h"
#include "bench/kernels/peers.h"
#include "runtime/base/topology.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/machine.h"

#include "commit.h" /* written at build time: IG_COMMIT */

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *limit_text(char *text, size_t room, const roof *f)
{
    snprintf(text, room, "%s_%zut", roof_name(f->kind), ig_pool_threads(f->pool));
    return text;
}

static bool measured(const roof *f) { return f->items != 0; }

/* ---- for people
 * ---------------------------------------------------------------------------------- */

static ingot_status limits_table(const bench *b, ingot_error *err)
{
    ig_table t;
    char name[32];
    ig_table_init(&t, 3, 2);
    for (size_t s = 0; s < b->n_pools; s++)
        for (size_t k = 0; k < ROOF_KINDS; k++) {
            const roof *f = &b->roofs.all[s][k];
            if (!measured(f)) continue;
            ig_table_cell(&t, "%s", limit_text(name, sizeof name, f));
            ig_table_cell(&t, "%.1f", roof_limit(f) * 1e-9);
            ig_table_cell(&t, "%s", roof_unit(f->kind));
        }
    const ingot_status s = ig_table_print(&t, stdout, err);
    ig_table_clear(&t);
    return s;
}

static void peers_cell(ig_table *t, const bench_result *r)
{
    char text[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < r->n_rivals && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.2fx %s", i ? ", " : "",
                                 r->rivals[i].ratio, r->rivals[i].who);
    ig_table_cell(t, "%s", text);
}

static void result_row(ig_table *t, const bench_result *r)
{
    char limit[32];
    ig_table_cell(t, "%s", r->name);
    ig_table_cell(t, "%s", r->shape);
    ig_table_cell(t, "%s", r->isa);
    ig_table_cell(t, "%zu", r->threads);
    ig_table_cell(t, "%.4g", result_figure(r, r->median));
    ig_table_cell(t, "%s", result_unit(r));
    ig_table_cell(t, "%.4g..%.4g", result_figure(r, r->low), result_figure(r, r->high));
    if (r->limit) {
        ig_table_cell(t, "%.1f %%", 100 * r->median);
        ig_table_cell(t, "%s%s", limit_text(limit, sizeof limit, r->limit),
                      r->median > 1.05 ? " (!)" : "");
    } else {
        ig_table_cell(t, "-");
        ig_table_cell(t, "-");
    }
    peers_cell(t, r);
}

ingot_status report_table(const bench *b, ingot_error *err)
{
    static const char *const heads[] = {"bench",  "shape",        "isa",      "threads",
                                        "median", "unit",         "p10..p90", "of limit",
                                        "limit",  "against peers"};
    IG_TRY(limits_table(b, err));
    printf("\n");
    ig_table t;
    ig_table_init(&t, IG_LEN(heads), 0xd8);
    for (size_t i = 0; i < IG_LEN(heads); i++) ig_table_cell(&t, "%s", heads[i]);
    bool above = false;
    for (size_t i = 0; i < b->n_results; i++) {
        result_row(&t, &b->results[i]);
        above |= b->results[i].limit && b->results[i].median > 1.05;
    }
    const ingot_status s = ig_table_print(&t, stdout, err);
    ig_table_clear(&t);
    if (above)
        printf("\n(!) above its limit: the operands are partly in a nearer cache than was taken\n");
    for (size_t i = 0; peers_name(i); i++)
        if (!b->options->peers && !peers_loaded(i))
            printf("\nnot beside %s: package %s is not installed\n", peers_name(i),
                   peers_package(i));
    return s;
}

/* ---- for programs
 * -------------------------------------------------------------------------------- */

static void put_machine(ig_json *j, const bench *b)
{
    ig_machine m;
    char date[32] = "";
    const ig_topology *t = ig_topology_get();
    const time_t now = time(NULL);
    struct tm utc;
    ig_machine_read(&m);
    if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    ig_json_object(j, "machine");
    ig_json_text(j, "cpu", m.cpu);
    ig_json_text(j, "system", m.system);
    ig_json_text(j, "isa", ig_cpu_level());
    ig_json_uint(j, "cores", t->n_cores);
    ig_json_uint(j, "cpus", t->n_cpus);
    ig_json_uint(j, "l1d_bytes", t->l1d_bytes);
    ig_json_uint(j, "l2_bytes", t->l2_bytes);
    ig_json_uint(j, "l3_bytes", t->l3_bytes);
    ig_json_uint(j, "ram_bytes", m.ram_bytes);
    ig_json_text(j, "compiler", IG_COMPILER);
    ig_json_text(j, "version", ingot_version());
    ig_json_text(j, "commit", *IG_COMMIT ? IG_COMMIT : NULL);
    ig_json_text(j, "date", date);
    ig_json_text(j, "cache", b->options->cold ? "cold" : "hot");
    ig_json_bool(j, "quick", b->options->quick);
    ig_json_array(j, "peers");
    for (size_t i = 0; peers_name(i); i++)
        if (peers_loaded(i)) ig_json_text(j, NULL, peers_name(i));
    ig_json_end(j);
    ig_json_end(j);
}

static void put_limits(ig_json *j, const bench *b)
{
    char name[32];
    ig_json_object(j, "limits");
    for (size_t s = 0; s < b->n_pools; s++)
        for (size_t k = 0; k < ROOF_KINDS; k++) {
            const roof *f = &b->roofs.all[s][k];
            if (measured(f)) ig_json_f64(j, limit_text(name, sizeof name, f), roof_limit(f) * 1e-9);
        }
    ig_json_end(j);
}

static void put_rival(ig_json *j, const bench_result *r, const bench_rival *rival)
{
    const double ours = result_figure(r, r->median);
    ig_json_text(j, "peer", rival->who);
    ig_json_f64(j, "peer_median", r->limit ? ours / rival->ratio : ours * rival->ratio);
    ig_json_f64(j, "ratio", rival->ratio);
    ig_json_f64(j, "ratio_p10", rival->low);
    ig_json_f64(j, "ratio_p90", rival->high);
}

static void put_result(ig_json *j, const bench_result *r, const bench_rival *rival)
{
    char name[32];
    ig_json_object(j, NULL);
    ig_json_text(j, "bench", r->name);
    ig_json_text(j, "shape", r->shape);
    ig_json_text(j, "isa", r->isa);
    ig_json_uint(j, "threads", r->threads);
    ig_json_f64(j, "median", result_figure(r, r->median));
    ig_json_f64(j, "p10", result_figure(r, r->low));
    ig_json_f64(j, "p90", result_figure(r, r->high));
    ig_json_text(j, "unit", result_unit(r));
    if (r->limit) {
        ig_json_text(j, "limit", limit_text(name, sizeof name, r->limit));
        ig_json_f64(j, "limit_pct", 100 * r->median);
    }
    ig_json_f64(j, "seconds", result_seconds(r));
    ig_json_f64(j, "flop", r->flop);
    ig_json_f64(j, "bytes", r->bytes);
    ig_json_uint(j, "rounds", r->rounds);
    if (rival) put_rival(j, r, rival);
    ig_json_end(j);
}

ingot_status report_json(const bench *b, FILE *to, ingot_error *err)
{
    ig_json j;
    ig_json_init(&j, to, 2);
    ig_json_object(&j, NULL);
    put_machine(&j, b);
    put_limits(&j, b);
    ig_json_array(&j, "results");
    for (size_t i = 0; i < b->n_results; i++) {
        const bench_result *r = &b->results[i];
        for (size_t k = 0; k < r->n_rivals; k++) put_result(&j, r, &r->rivals[k]);
        if (!r->n_rivals) put_result(&j, r, NULL);
    }
    ig_json_end(&j);
    ig_json_end(&j);
    return ig_json_finish(&j, err);
}
