/* cmd_compare.c - `ingot compare`: two models on the same inputs: how far apart their outputs are,
 * their sizes, and their speed measured in turns. */
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/data/npz.h"
#include "tools/model/differ.h"
#include "tools/model/feed.h"
#include "tools/model/invent.h"
#include "tools/model/open.h"
#include "tools/model/results.h"
#include "tools/model/shapes.h"
#include "tools/model/timing.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *a, *b, *data;
    ig_shape_wishes wishes;
    int64_t threads, repeat, seed;
    double max_error;
    ig_device_args device;
    const char *device_b;
    bool json, quiet;
} args;

typedef struct {
    ingot_model *model;
    ingot_session *session;
    ig_runner runner;
    ig_results results;
    double *seconds;
    ig_times times;
} side;

typedef struct {
    const args *a;
    ig_cli *cli;
    ig_opened o; /* the runtime, and model A */
    side sides[2];
    ig_arrays data;
    ig_arena arena;
    double speed; /* median of B's times by A's of the same turn, inverted: > 1 is B faster */
    double worst;
} job;

/* ---- getting ready
 * ---------------------------------------------------------------------------------- */

static ingot_status open_both(job *j, ingot_error *err)
{
    const ig_open_options how = {.threads = j->a->threads, .quiet = j->a->quiet};
    IG_TRY(ig_open_model(&j->o, j->cli, j->a->a, &how, err));
    IG_TRY(ig_model_computes(j->cli, &j->o, j->a->a, err));
    j->sides[0].model = j->o.model;
    return ig_model_failed(j->cli,
                           ingot_model_open(&j->sides[1].model, j->o.rt, j->a->b, NULL, err));
}

/* Inputs of A by name; B gets the same ones. */
static ingot_status read_data(job *j, ingot_error *err)
{
    const ig_graph *g = j->o.model->file->graph;
    ingot_tensor *in;
    size_t n;
    if (j->a->data) {
        IG_TRY(ig_npz_read(&j->data, j->a->data, err));
        IG_TRY(ig_feed_tensors(&in, &n, &j->data, g, &j->arena, err));
    } else {
        ig_shapes shapes;
        IG_TRY(ig_shapes_choose(&shapes, g, &j->a->wishes, &j->arena, err));
        in = shapes.in;
        n = shapes.n_in;
        IG_TRY(ig_invent(in, n, g, (uint64_t)j->a->seed, &j->arena, err));
        for (size_t i = 0; i < n; i++) in[i].name = g->values[g->inputs[i]].name;
    }
    for (int k = 0; k < 2; k++) {
        j->sides[k].runner.in = in;
        j->sides[k].runner.n_in = n;
    }
    return INGOT_OK;
}

static ingot_status open_session(job *j, side *s, ingot_error *err)
{
    const size_t n_out = ingot_model_n_outputs(s->model);
    s->runner.n_out = n_out;
    s->runner.out = ig_new_n(&j->arena, ingot_tensor, n_out);
    s->seconds = ig_new_n(&j->arena, double, (size_t)j->a->repeat);
    if (!s->runner.out || !s->seconds) return ig_fail(err, INGOT_E_NOMEM, "compare: no memory");
    ingot_session_options o = {.size = sizeof o};
    ig_device_args where = j->a->device;
    if (s == &j->sides[1] && j->a->device_b) where.name = j->a->device_b;
    IG_TRY(ig_device_given(&o, &where, err));
    IG_TRY(ingot_session_open(&s->session, s->model, &o, err));
    s->runner.session = s->session;
    return INGOT_OK;
}

/* ---- running in turns
 * -------------------------------------------------------------------------------- */

static void cancel(void *ud)
{
    job *j = ud;
    for (int k = 0; k < 2; k++) ingot_session_cancel(j->sides[k].session);
}

static ingot_status take_turns(job *j, ingot_error *err)
{
    const size_t n = (size_t)j->a->repeat;
    size_t made;
    double *ratios = ig_new_n(&j->arena, double, n);
    if (!ratios) return ig_fail(err, INGOT_E_NOMEM, "compare: no memory");
    for (int k = 0; k < 2; k++) {
        const ingot_status s = ig_warm_up(&j->sides[k].runner, -1, &made, err);
        if (s) return ig_wrap(err, s, "%s", k ? j->a->b : j->a->a);
    }
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            side *s = &j->sides[i % 2 ? 1 - k : k]; /* who begins alternates */
            IG_TRY(ig_run_once(&s->runner, &s->seconds[i], err));
        }
        ratios[i] = j->sides[0].seconds[i] / IG_MAX(j->sides[1].seconds[i], 1e-9);
    }
    j->speed = ig_times_of(ratios, n).median_s;
    for (int k = 0; k < 2; k++) j->sides[k].times = ig_times_of(j->sides[k].seconds, n);
    return INGOT_OK;
}

static ingot_status run_both(job *j, ingot_error *err)
{
    ig_interrupt_call(cancel, j);
    ig_interrupt_watch(true);
    const ingot_status s = take_turns(j, err);
    ig_interrupt_call(NULL, NULL);
    ig_interrupt_watch(false);
    if (s) return s;
    for (int k = 0; k < 2; k++)
        IG_TRY(ig_results_of(&j->sides[k].results, j->sides[k].runner.out, j->sides[k].runner.n_out,
                             &j->arena, err));
    return INGOT_OK;
}

/* ---- what came of it
 * ---------------------------------------------------------------------------------- */

/* The output of B that stands for A's i-th: by name, else by place. */
static const ig_array *partner(const job *j, size_t i)
{
    const ig_results *a = &j->sides[0].results, *b = &j->sides[1].results;
    for (size_t k = 0; k < b->n; k++)
        if (!strcmp(a->items[i].name, b->items[k].name)) return &b->items[k];
    return a->n == b->n ? &b->items[i] : NULL;
}

static void print_output(job *j, size_t i)
{
    char shape[160];
    const ig_array *a = &j->sides[0].results.items[i], *b = partner(j, i);
    const ig_difference d = b ? ig_differ(a, b) : (ig_difference){0};
    ig_format_shape(shape, sizeof shape, a->rank, a->dims);
    printf("%s  %s %s\n", a->name, ingot_dtype_name(a->dtype), shape);
    if (!d.comparable) {
        j->worst = INFINITY;
        if (!b) puts("  the other model has no such output");
        if (b)
            printf("  cannot be compared with %s %s\n", ingot_dtype_name(b->dtype),
                   ig_format_shape(shape, sizeof shape, b->rank, b->dims));
        return;
    }
    if (d.numbers) {
        j->worst = IG_MAX(j->worst, d.relative);
        printf("  error: largest %.3g (%.2e of scale), mean %.3g; cosine %.9f\n", d.max_abs,
               d.relative, d.mean_abs, d.cosine);
    } else if (d.n_equal < d.n) {
        j->worst = INFINITY;
    }
    printf("  equal: %zu of %zu values", d.n_equal, d.n);
    if (d.rows)
        printf("; same largest place in %zu of %zu rows (%.2f %%)", d.rows_agreed, d.rows,
               100 * (double)d.rows_agreed / (double)d.rows);
    putchar('\n');
}

static void json_output(job *j, ig_json *out, size_t i)
{
    const ig_array *a = &j->sides[0].results.items[i], *b = partner(j, i);
    const ig_difference d = b ? ig_differ(a, b) : (ig_difference){0};
    if (!d.comparable || (!d.numbers && d.n_equal < d.n)) j->worst = INFINITY;
    j->worst = IG_MAX(j->worst, d.relative);
    ig_json_object(out, NULL);
    ig_json_text(out, "name", a->name);
    ig_json_bool(out, "comparable", d.comparable);
    if (d.comparable && d.numbers) {
        ig_json_f64(out, "max_abs", d.max_abs);
        ig_json_f64(out, "mean_abs", d.mean_abs);
        ig_json_f64(out, "relative", d.relative);
        ig_json_f64(out, "cosine", d.cosine);
    }
    ig_json_uint(out, "values", d.n);
    ig_json_uint(out, "equal", d.n_equal);
    if (d.rows) {
        ig_json_uint(out, "rows", d.rows);
        ig_json_uint(out, "rows_agreed", d.rows_agreed);
    }
    ig_json_end(out);
}

static void print_all(job *j)
{
    char text[32], time[32];
    for (size_t i = 0; i < j->sides[0].results.n; i++) print_output(j, i);
    for (int k = 0; k < 2; k++)
        printf("%c  %s: %s, median %s\n", 'A' + k, k ? j->a->b : j->a->a,
               ig_format_bytes(text, sizeof text, j->sides[k].model->file->n_bytes),
               ig_format_time(time, sizeof time, j->sides[k].times.median_s));
    printf("B is %.2f times the size of A and runs at %.2f times its speed\n",
           (double)j->sides[1].model->file->n_bytes / (double)j->sides[0].model->file->n_bytes,
           j->speed);
}

static ingot_status json_all(job *j, ingot_error *err)
{
    ig_json out;
    ig_json_init(&out, stdout, 2);
    ig_json_object(&out, NULL);
    ig_json_array(&out, "outputs");
    for (size_t i = 0; i < j->sides[0].results.n; i++) json_output(j, &out, i);
    ig_json_end(&out);
    for (int k = 0; k < 2; k++) {
        ig_json_object(&out, k ? "b" : "a");
        ig_json_text(&out, "file", k ? j->a->b : j->a->a);
        ig_json_uint(&out, "bytes", j->sides[k].model->file->n_bytes);
        ig_json_f64(&out, "median_s", j->sides[k].times.median_s);
        ig_json_f64(&out, "p10_s", j->sides[k].times.p10_s);
        ig_json_f64(&out, "p90_s", j->sides[k].times.p90_s);
        ig_json_end(&out);
    }
    ig_json_f64(&out, "worst_relative", j->worst);
    ig_json_f64(&out, "speed_of_b", j->speed);
    ig_json_uint(&out, "threads", ingot_runtime_threads(j->o.rt));
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

static ingot_status run_job(job *j, ingot_error *err)
{
    IG_TRY(open_both(j, err));
    IG_TRY(read_data(j, err));
    for (int k = 0; k < 2; k++) IG_TRY(open_session(j, &j->sides[k], err));
    IG_TRY(run_both(j, err));
    if (j->a->json)
        IG_TRY(json_all(j, err));
    else
        print_all(j);
    if (j->a->max_error >= 0 && j->worst > j->a->max_error) {
        j->cli->exit_code = IG_EXIT_FAILED;
        return ig_fail(err, INGOT_E_DATA, "the outputs are %.2e of their scale apart, %.2e allowed",
                       j->worst, j->a->max_error);
    }
    return INGOT_OK;
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    job j = {.a = given, .cli = cli};
    ig_arrays_init(&j.data, &cli->heap);
    ig_arena_init(&j.arena, &cli->heap);
    const ingot_status s = run_job(&j, err);
    for (int k = 0; k < 2; k++)
        if (j.sides[k].session) ingot_session_close(&j.sides[k].session);
    if (j.sides[1].model) ingot_model_close(&j.sides[1].model);
    ig_arrays_clear(&j.data);
    ig_arena_clear(&j.arena);
    ig_close_model(&j.o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "A",
     .help = "an .ingot file, the one that counts as right",
     .offset = offsetof(args, a)},
    {.name = "B", .help = "an .ingot file with the same inputs", .offset = offsetof(args, b)}};
static const ig_option options[] = {
    {.name = "data",
     .arg = "D.npz",
     .kind = IG_OPT_FILE,
     .help = "inputs by name; otherwise values are made up from the declared shapes",
     .offset = offsetof(args, data)},
    {.name = "batch",
     .letter = 'b',
     .arg = "B",
     .kind = IG_OPT_INT,
     .low = 1,
     .high = INT32_MAX,
     .help = "batch size of made-up inputs",
     .offset = offsetof(args, wishes.batch)},
    {.name = "dim",
     .arg = "NAME=N",
     .kind = IG_OPT_LIST,
     .help = "a dimension of made-up inputs, as for plan",
     .offset = offsetof(args, wishes.dims)},
    {.name = "seed",
     .arg = "S",
     .kind = IG_OPT_INT,
     .low = 0,
     .high = INT32_MAX,
     .help = "of made-up inputs",
     .offset = offsetof(args, seed)},
    {.name = "repeat",
     .letter = 'n',
     .arg = "K",
     .kind = IG_OPT_INT,
     .low = 1,
     .high = 1e6,
     .help = "pairs of timed runs",
     .offset = offsetof(args, repeat)},
    {.name = "max-error",
     .arg = "X",
     .kind = IG_OPT_FLOAT,
     .low = -1,
     .high = 1e9,
     .help = "fail (exit code 1) when an output is further off, relative to its scale, or a text "
             "differs; -1: never",
     .offset = offsetof(args, max_error)},
    IG_OPTION_THREADS(args),
    IG_OPTIONS_DEVICE(args),
    {.name = "device-b",
     .arg = "D",
     .kind = IG_OPT_TEXT,
     .help = "where B runs, when elsewhere than A: a model beside itself on another device",
     .offset = offsetof(args, device_b)},
    IG_OPTION_JSON(args),
    IG_OPTION_QUIET(args),
};
static const ig_example examples[] = {
    {"ingot compare digits.ingot digits_int8.ingot --data images.npz",
     "what quantization costs and gains"},
};
static const args defaults = {.repeat = 10, .seed = 1, .max_error = -1};

const ig_command ig_cmd_compare = {
    .name = "compare",
    .summary = "run two models on the same inputs and tell them apart",
    .about =
        "Runs both models in turns. For each output: the largest and the mean difference, the "
        "largest one relative to A's scale, the cosine between the two, how many values are "
        "equal, and how often the same place of the last axis is largest (the same class, for a "
        "classifier). Then sizes and speed: the median over pairs of runs made right after one "
        "another.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, &defaults),
    .run = run,
};
