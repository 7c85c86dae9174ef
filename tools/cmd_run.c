/* cmd_run.c - `ingot run`: a model on given inputs, its outputs to files or shown, its speed. */
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "tools/cli/cli.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/progress.h"
#include "tools/cli/text.h"
#include "tools/data/npz.h"
#include "tools/model/feed.h"
#include "tools/model/open.h"
#include "tools/model/profile.h"
#include "tools/model/results.h"
#include "tools/model/timing.h"

#include <string.h>

typedef struct {
    const char *model, *archive, *folder, *outputs, *profile;
    ig_words inputs;
    int64_t threads, repeat, warmup;
    ig_device_args device;
    int math;
    bool json, quiet;
} args;

typedef struct {
    const args *a;
    ig_cli *cli;
    ig_opened o;
    ingot_session *session;
    ig_arrays given;
    ig_arena arena;
    ig_runner runner;
    ig_profile profile;
    double *seconds; /* [repeat] */
    double opened_s, first_s;
    ig_times times;
    size_t n_warm;
    ingot_plan plan;
} job;

/* ---- getting ready
 * ---------------------------------------------------------------------------------- */

static ingot_status read_inputs(job *j, ingot_error *err)
{
    const ig_graph *g = j->o.model->file->graph;
    ingot_tensor *in;
    if (j->a->archive) IG_TRY(ig_npz_read(&j->given, j->a->archive, err));
    for (size_t i = 0; i < j->a->inputs.n; i++)
        IG_TRY(ig_feed_option(&j->given, g, j->a->inputs.items[i], err));
    IG_TRY(ig_feed_tensors(&in, &j->runner.n_in, &j->given, g, &j->arena, err));
    j->runner.in = in;
    j->runner.n_out = g->n_outputs;
    j->runner.out = ig_new_n(&j->arena, ingot_tensor, g->n_outputs);
    j->seconds = ig_new_n(&j->arena, double, (size_t)j->a->repeat);
    if (j->runner.out && j->seconds) return INGOT_OK;
    return ig_fail(err, INGOT_E_NOMEM, "run: no memory");
}

/* Where the model leaves shapes open, shapes that do not fit together are the data's fault. */
static bool has_open_shapes(const ig_graph *g)
{
    for (size_t i = 0; i < g->n_inputs; i++)
        if (!ig_type_static(&g->values[g->inputs[i]].type)) return true;
    return false;
}

static ingot_status judge(job *j, ingot_status s)
{
    if (s == INGOT_E_FORMAT && has_open_shapes(j->o.model->file->graph))
        j->cli->exit_code = IG_EXIT_DATA;
    if (s == INGOT_E_IO) ig_model_failed(j->cli, s); /* the file was changed under us */
    return s;
}

static ingot_status open_session(job *j, ingot_error *err)
{
    ingot_session_options o = {.size = sizeof o,
                               .fast_math = j->a->math == 1,
                               .trace = j->a->profile ? ig_profile_step : NULL,
                               .trace_ud = &j->profile};
    IG_TRY(ig_device_given(&o, &j->a->device, err));
    IG_TRY(ingot_session_open(&j->session, j->o.model, &o, err));
    j->runner.session = j->session;
    return judge(j, ingot_session_plan(&j->plan, j->session, j->runner.in, j->runner.n_in, err));
}

/* ---- running
 * ---------------------------------------------------------------------------------------- */

static void cancel(void *ud) { ingot_session_cancel(ud); }

static ingot_status timed_runs(job *j, ingot_error *err)
{
    const size_t n = (size_t)j->a->repeat;
    ig_progress progress;
    ingot_status s = INGOT_OK;
    ig_progress_begin(&progress, "running", n, j->a->quiet);
    for (size_t i = 0; !s && i < n; i++) {
        j->profile.run = (uint32_t)i;
        s = ig_run_once(&j->runner, &j->seconds[i], err);
        ig_progress_step(&progress, i + 1);
    }
    ig_progress_end(&progress);
    return s;
}

static ingot_status run_all(job *j, ingot_error *err)
{
    const bool once = j->a->repeat == 1 && j->a->warmup < 0;
    ig_interrupt_call(cancel, j->session);
    ig_interrupt_watch(true);
    ingot_status s = ig_warm_up(&j->runner, once ? 0 : j->a->warmup, &j->n_warm, err);
    j->profile.n = 0; /* warm runs are not traced */
    if (!s) s = timed_runs(j, err);
    ig_interrupt_call(NULL, NULL);
    ig_interrupt_watch(false);
    if (s) return judge(j, s);
    j->first_s = j->seconds[0];
    j->times = ig_times_of(j->seconds, (size_t)j->a->repeat);
    return INGOT_OK;
}

/* ---- what came of it
 * ---------------------------------------------------------------------------------- */

static ingot_status write_outputs(job *j, const ig_results *r, ingot_error *err)
{
    if (j->a->outputs) IG_TRY(ig_npz_write(j->a->outputs, r->items, r->n, &j->cli->heap, 0, err));
    if (j->a->folder) IG_TRY(ig_results_folder(r, j->a->folder, &j->cli->heap, err));
    return INGOT_OK;
}

static ingot_status write_profile(job *j, ingot_error *err)
{
    if (!j->a->profile) return INGOT_OK;
    j->profile.threads = ingot_runtime_threads(j->o.rt);
    IG_TRY(ig_limits_measure(&j->profile.limits, j->o.rt->pool, &j->cli->heap, err));
    if (!strcmp(j->a->profile, "-")) return ig_profile_print(&j->profile, stderr, err);
    return ig_profile_write(&j->profile, j->a->profile, j->a->model, err);
}

static ingot_status tell_json(const job *j, const ig_results *r, ingot_error *err)
{
    const ingot_memory memory = ingot_runtime_memory(j->o.rt);
    ig_json out;
    ig_json_init(&out, stdout, 2);
    ig_json_object(&out, NULL);
    ig_json_text(&out, "model", j->a->model);
    ig_json_f64(&out, "median_s", j->times.median_s);
    ig_json_f64(&out, "p10_s", j->times.p10_s);
    ig_json_f64(&out, "p90_s", j->times.p90_s);
    ig_json_f64(&out, "min_s", j->times.min_s);
    ig_json_f64(&out, "mean_s", j->times.mean_s);
    ig_json_uint(&out, "runs", j->times.n);
    ig_json_uint(&out, "warmup_runs", j->n_warm);
    ig_json_f64(&out, "open_s", j->opened_s);
    ig_json_uint(&out, "threads", ingot_runtime_threads(j->o.rt));
    ig_json_text(&out, "device", ingot_session_device(j->session, NULL));
    ig_json_text(&out, "math", ig_maths[j->a->math]);
    ig_json_uint(&out, "peak_bytes", memory.peak_bytes);
    ig_json_bool(&out, "exact", j->plan.exact);
    ig_json_uint(&out, "activation_bytes", j->plan.activation_bytes);
    ig_results_json(&out, r);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

static void tell_times(const job *j)
{
    char a[32], b[32], c[32];
    if (j->a->repeat == 1)
        printf("1 run in %s\n", ig_format_time(a, sizeof a, j->first_s));
    else
        printf("%zu runs: median %s, p10 %s, p90 %s\n", j->times.n,
               ig_format_time(a, sizeof a, j->times.median_s),
               ig_format_time(b, sizeof b, j->times.p10_s),
               ig_format_time(c, sizeof c, j->times.p90_s));
}

static ingot_status tell(const job *j, const ig_results *r, ingot_error *err)
{
    const bool to_files = j->a->outputs || j->a->folder;
    if (j->a->json) return tell_json(j, r, err);
    if (!to_files) IG_TRY(ig_results_print(r, stdout, err));
    if (!j->a->quiet && (!to_files || j->a->repeat > 1)) tell_times(j);
    return INGOT_OK;
}

static ingot_status run_job(job *j, ingot_error *err)
{
    const ig_open_options how = {.threads = j->a->threads, .quiet = j->a->quiet};
    ig_results results;
    const uint64_t begin = ig_now_ns();
    IG_TRY(ig_open_model(&j->o, j->cli, j->a->model, &how, err));
    IG_TRY(ig_model_computes(j->cli, &j->o, j->a->model, err));
    j->opened_s = 1e-9 * (double)(ig_now_ns() - begin);
    IG_TRY(read_inputs(j, err));
    IG_TRY(open_session(j, err));
    IG_TRY(run_all(j, err));
    IG_TRY(ig_results_of(&results, j->runner.out, j->runner.n_out, &j->arena, err));
    IG_TRY(write_outputs(j, &results, err));
    IG_TRY(write_profile(j, err));
    return tell(j, &results, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    job j = {.a = given, .cli = cli, .profile.heap = &cli->heap};
    ig_arrays_init(&j.given, &cli->heap);
    ig_arena_init(&j.arena, &cli->heap);
    const ingot_status s = run_job(&j, err);
    ig_profile_clear(&j.profile);
    if (j.session) ingot_session_close(&j.session);
    ig_arrays_clear(&j.given);
    ig_arena_clear(&j.arena);
    ig_close_model(&j.o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "MODEL", .help = "an .ingot file", .offset = offsetof(args, model)}};
static const ig_option options[] = {
    {.name = "input",
     .letter = 'i',
     .arg = "NAME=X",
     .kind = IG_OPT_LIST,
     .help = "an input: NAME=x.npy, NAME=data.npz:KEY, or values as NAME=3.5, NAME=[[1,2],[3,4]], "
             "NAME='\"text\"'; NAME= may be left out for a model with one input",
     .offset = offsetof(args, inputs)},
    {.name = "inputs",
     .arg = "F.npz",
     .kind = IG_OPT_FILE,
     .help = "inputs by name from an archive",
     .offset = offsetof(args, archive)},
    {.name = "outputs",
     .letter = 'o',
     .arg = "F.npz",
     .kind = IG_OPT_FILE,
     .help = "write all outputs into an archive",
     .offset = offsetof(args, outputs)},
    {.name = "output-dir",
     .arg = "DIR",
     .kind = IG_OPT_FILE,
     .help = "write each output as DIR/NAME.npy",
     .offset = offsetof(args, folder)},
    IG_OPTION_THREADS(args),
    IG_OPTIONS_DEVICE(args),
    IG_OPTION_MATH(args),
    {.name = "repeat",
     .letter = 'n',
     .arg = "K",
     .kind = IG_OPT_INT,
     .low = 1,
     .high = 1e6,
     .help = "run so many times and tell the median, the 10th and the 90th percentile",
     .offset = offsetof(args, repeat)},
    {.name = "warmup",
     .arg = "W",
     .kind = IG_OPT_INT,
     .low = -1,
     .high = 1e6,
     .help = "runs before the timed ones; -1: none for a single run, else 3 or as many as fit into "
             "0.2 s",
     .offset = offsetof(args, warmup)},
    {.name = "profile",
     .arg = "F.json",
     .kind = IG_OPT_FILE,
     .help =
         "write a trace of every step for chrome://tracing or ui.perfetto.dev; -: print a table "
         "of the ops that took longest on standard error",
     .offset = offsetof(args, profile)},
    IG_OPTION_JSON(args),
    IG_OPTION_QUIET(args),
};
static const ig_example examples[] = {
    {"ingot run digits.ingot --input image=examples/models/digits_test.npz:images",
     "run on an array of an archive and show the outputs"},
    {"ingot run m.ingot --inputs in.npz --outputs out.npz", "files in, files out"},
    {"ingot run m.ingot --inputs in.npz --repeat 100 --threads 1", "measure"},
    {"ingot run m.ingot --inputs in.npz --profile trace.json", "see where the time goes"},
};
static const args defaults = {.repeat = 1, .warmup = -1};

const ig_command ig_cmd_run = {
    .name = "run",
    .summary = "run a model on inputs from files or the command line",
    .about =
        "Inputs and outputs are NumPy files. Names, element types and shapes must be the model's; "
        "a message shows both where they are not. Without an output option the outputs are "
        "summarised.\n\n"
        "Strings are NumPy's <U. Types that NumPy lacks travel in another one, with the true "
        "type's name in NAME.__dtype__: bfloat16 as uint16, 8-bit floats as uint8, 4-bit integers "
        "widened to a byte. Items of a sequence are NAME.0, NAME.1 and so on.\n\n"
        "peak_bytes in the JSON counts what went through the runtime's allocator from opening the "
        "model to the last run; the mapped file does not count. `ingot plan` tells it beforehand.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, &defaults),
    .run = run,
};
