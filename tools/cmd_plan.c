/* cmd_plan.c - `ingot plan`: what a run will take, before it is made: memory, and what each step
 * does with which kernel. */
#include "kernels/cpu.h"
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/model/describe.h"
#include "tools/model/open.h"
#include "tools/model/shapes.h"

#include <inttypes.h>
#include <string.h>

typedef struct {
    const char *model;
    ig_shape_wishes wishes;
    int64_t threads;
    ig_device_args device;
    int math;
    bool json, quiet;
} args;

typedef struct {
    const args *a;
    ig_cli *cli;
    ig_opened o;
    ingot_session *session;
    ig_arena arena;
    ig_shapes shapes;
    ingot_plan plan;
    ig_plan_info info;
    size_t peak;
    double flops, bytes; /* of all steps */
} job;

static ingot_status make_plan(job *j, ingot_error *err)
{
    char text[200];
    ingot_session_options o = {.size = sizeof o, .fast_math = j->a->math == 1};
    IG_TRY(ig_device_given(&o, &j->a->device, err));
    IG_TRY(ingot_session_open(&j->session, j->o.model, &o, err));
    const ingot_status s =
        ingot_session_plan(&j->plan, j->session, j->shapes.in, j->shapes.n_in, err);
    j->peak = ingot_runtime_memory(j->o.rt).peak_bytes;
    if (!s || !j->shapes.n_choices) return s;
    if (s == INGOT_E_FORMAT) j->cli->exit_code = IG_EXIT_DATA; /* of these shapes, not the model */
    return ig_wrap(err, s, "with %s (--dim sets them)",
                   ig_shapes_text(text, sizeof text, &j->shapes, false));
}

static void add_cost(void *ud, const ig_step_trace *step)
{
    job *j = ud;
    j->flops += step->cost.flops;
    j->bytes += step->cost.bytes;
}

/* ---- for people
 * ---------------------------------------------------------------------------------- */

typedef struct {
    ig_table table;
    const ig_symbols *symbols;
    bool whys; /* there is a device: a column for why a step is not on it */
} rows;

/* Costs are estimates in floating point; what a table shows is a whole number. */
static uint64_t whole(double v) { return v >= 0 && v < 1e18 ? (uint64_t)v : (uint64_t)1e18; }

static void add_row(void *ud, const ig_step_trace *step)
{
    rows *r = ud;
    char type[160], flops[32], bytes[32];
    ig_type_print(type, sizeof type, &step->out0, r->symbols);
    ig_table_cell(&r->table, "%s", step->node->op->name);
    ig_table_cell(&r->table, "%s", step->node->name);
    ig_table_cell(&r->table, "%s", step->kernel ? step->kernel : "-");
    ig_table_cell(&r->table, "%s", step->device);
    ig_table_cell(&r->table, "%s", type);
    ig_table_cell(&r->table, "%s", ig_format_count(flops, sizeof flops, whole(step->cost.flops)));
    ig_table_cell(&r->table, "%s", ig_format_bytes(bytes, sizeof bytes, whole(step->cost.bytes)));
    if (r->whys) ig_table_cell(&r->table, "%s", step->why ? step->why : "");
}

static ingot_status print_steps(const job *j, ingot_error *err)
{
    static const char *const heads[] = {"op",     "node", "kernel", "device",
                                        "output", "FLOP", "bytes",  "why not on the device"};
    rows r = {.symbols = j->o.model->file->graph->symbols, .whys = j->info.n_on_device > 0};
    const size_t n = IG_LEN(heads) - !r.whys;
    ig_table_init(&r.table, n, 0x60);
    for (size_t i = 0; i < n; i++) ig_table_cell(&r.table, "%s", heads[i]);
    ig_exec_steps(ig_session_exec(j->session), add_row, &r);
    const ingot_status s = ig_table_print(&r.table, stdout, err);
    ig_table_clear(&r.table);
    return s;
}

static void line(const char *what, uint64_t bytes, const char *note)
{
    char people[32], exact[32];
    printf("%-12s %10s  (%s bytes)%s\n", what, ig_format_bytes(people, sizeof people, bytes),
           ig_format_count(exact, sizeof exact, bytes), note);
}

/* Where it runs, and why not on a device where one was looked for. */
static void print_device(const job *j)
{
    const char *fallen, *name = ingot_session_device(j->session, &fallen);
    ingot_error why;
    char size[32];
    if (strcmp(name, "cpu") != 0)
        printf("device       %s, %zu of %zu steps, %zu copies at the border, %s of activations\n",
               name, j->info.n_on_device, j->info.n_steps, j->info.n_copies,
               ig_format_bytes(size, sizeof size, j->info.device_bytes));
    printf("%s cpu, %s, %zu thread%s, math %s\n",
           strcmp(name, "cpu") ? "           +" : "device      ", ig_cpu_level(),
           ingot_runtime_threads(j->o.rt), ingot_runtime_threads(j->o.rt) == 1 ? "" : "s",
           ig_maths[j->a->math]);
    const char *asked = j->a->device.name;
    const ig_device_api *api = ig_plugin(NULL, &why);
    if (fallen)
        printf("             not on the device: %s\n", fallen);
    else if (!strcmp(name, "cpu") && (!asked || !strcmp(asked, "auto")) &&
             (!api || !api->count(&why)) && !j->a->quiet)
        printf("             no CUDA device: %s\n", why.text);
}

static ingot_status print_all(const job *j, ingot_error *err)
{
    char text[300], flops[32], bytes[32];
    if (j->shapes.n_choices) {
        printf("shapes       %s\n", ig_shapes_text(text, sizeof text, &j->shapes, false));
        if (*ig_shapes_text(text, sizeof text, &j->shapes, true) && !j->a->quiet)
            printf("             (not given and taken as 1: %s)\n", text);
    }
    print_device(j);
    line("peak", j->peak, j->plan.exact ? "" : "; and what steps need whose size the data tell");
    line("activations", j->plan.activation_bytes, "");
    line("unshared", j->plan.unshared_bytes, ", were no memory used twice");
    line("plan", j->plan.plan_bytes, "");
    line("mapped file", j->o.model->file->n_bytes, ", shared by all processes");
    printf("steps        %zu", j->plan.n_steps);
    if (j->plan.n_dynamic) printf(", %zu of them sized at run time", j->plan.n_dynamic);
    printf("; %s FLOP, %s moved\n\n", ig_format_count(flops, sizeof flops, whole(j->flops)),
           ig_format_bytes(bytes, sizeof bytes, whole(j->bytes)));
    return print_steps(j, err);
}

/* ---- for programs
 * --------------------------------------------------------------------------------- */

static void json_step(void *ud, const ig_step_trace *step)
{
    ig_json *j = ud;
    ig_json_object(j, NULL);
    ig_json_text(j, "op", step->node->op->name);
    ig_json_text(j, "node", step->node->name);
    ig_json_text(j, "kernel", step->kernel);
    ig_json_text(j, "device", step->device);
    if (step->why) ig_json_text(j, "why", step->why);
    ig_json_text(j, "dtype", step->out0.dtype ? ingot_dtype_name(step->out0.dtype) : NULL);
    ig_dims_json(j, "shape", &step->out0, NULL);
    ig_json_f64(j, "flops", step->cost.flops);
    ig_json_f64(j, "bytes", step->cost.bytes);
    ig_json_end(j);
}

static ingot_status json_all(const job *j, ingot_error *err)
{
    ig_json out;
    ig_json_init(&out, stdout, 2);
    ig_json_object(&out, NULL);
    ig_json_text(&out, "model", j->a->model);
    const char *fallen;
    ig_json_text(&out, "device", ingot_session_device(j->session, &fallen));
    if (fallen) ig_json_text(&out, "fallen", fallen);
    ig_json_text(&out, "isa", ig_cpu_level());
    ig_json_uint(&out, "threads", ingot_runtime_threads(j->o.rt));
    ig_json_text(&out, "math", ig_maths[j->a->math]);
    ig_json_object(&out, "dims");
    for (size_t i = 0; i < j->shapes.n_choices; i++)
        ig_json_int(&out, j->shapes.choices[i].name, j->shapes.choices[i].size);
    ig_json_end(&out);
    ig_json_uint(&out, "peak_bytes", j->peak);
    ig_json_bool(&out, "exact", j->plan.exact);
    ig_json_uint(&out, "activation_bytes", j->plan.activation_bytes);
    ig_json_uint(&out, "unshared_bytes", j->plan.unshared_bytes);
    ig_json_uint(&out, "plan_bytes", j->plan.plan_bytes);
    ig_json_uint(&out, "mapped_bytes", j->o.model->file->n_bytes);
    ig_json_uint(&out, "n_steps", j->plan.n_steps);
    ig_json_uint(&out, "n_dynamic", j->plan.n_dynamic);
    ig_json_uint(&out, "n_on_device", j->info.n_on_device);
    ig_json_uint(&out, "n_copies", j->info.n_copies);
    ig_json_uint(&out, "device_bytes", j->info.device_bytes);
    ig_json_f64(&out, "flops", j->flops);
    ig_json_f64(&out, "bytes", j->bytes);
    ig_json_array(&out, "steps");
    ig_exec_steps(ig_session_exec(j->session), json_step, &out);
    ig_json_end(&out);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

static ingot_status run_job(job *j, ingot_error *err)
{
    const ig_open_options how = {.threads = j->a->threads, .quiet = j->a->quiet};
    IG_TRY(ig_open_model(&j->o, j->cli, j->a->model, &how, err));
    IG_TRY(ig_model_computes(j->cli, &j->o, j->a->model, err));
    IG_TRY(ig_shapes_choose(&j->shapes, j->o.model->file->graph, &j->a->wishes, &j->arena, err));
    IG_TRY(make_plan(j, err));
    ig_exec_steps(ig_session_exec(j->session), add_cost, j);
    (void)ig_exec_info(&j->info, ig_session_exec(j->session));
    return j->a->json ? json_all(j, err) : print_all(j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    job j = {.a = given, .cli = cli};
    ig_arena_init(&j.arena, &cli->heap);
    const ingot_status s = run_job(&j, err);
    if (j.session) ingot_session_close(&j.session);
    ig_arena_clear(&j.arena);
    ig_close_model(&j.o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "MODEL", .help = "an .ingot file", .offset = offsetof(args, model)}};
static const ig_option options[] = {
    {.name = "batch",
     .letter = 'b',
     .arg = "B",
     .kind = IG_OPT_INT,
     .low = 1,
     .high = INT32_MAX,
     .help = "size of the batch dimension: the one called so, else the first open one",
     .offset = offsetof(args, wishes.batch)},
    {.name = "context",
     .arg = "C",
     .kind = IG_OPT_INT,
     .low = 1,
     .high = INT32_MAX,
     .help = "size of the sequence dimension",
     .offset = offsetof(args, wishes.context)},
    {.name = "dim",
     .arg = "NAME=N",
     .kind = IG_OPT_LIST,
     .help = "size of a named dimension; INPUT.AXIS=N for one without a name",
     .offset = offsetof(args, wishes.dims)},
    IG_OPTION_THREADS(args),
    IG_OPTIONS_DEVICE(args),
    IG_OPTION_MATH(args),
    IG_OPTION_JSON(args),
    IG_OPTION_QUIET(args),
};
static const ig_example examples[] = {
    {"ingot plan digits.ingot --batch 32", "memory and steps for a batch of 32"},
    {"ingot plan m.ingot --dim height=224 --dim width=224", "sizes by name"},
};

const ig_command ig_cmd_plan = {
    .name = "plan",
    .summary = "tell the memory and the steps of a run beforehand",
    .about = "Plans a run for the given sizes and prints the exact peak of memory through the "
             "allocator, which `ingot run` with the same shapes and threads then reaches and does "
             "not pass, and for each step the op, its kernel, the shape of its output and its "
             "cost. Dimensions that nothing is said of are taken as 1.\n\n"
             "Where the data tell the sizes of results (NonZero, for example) the peak is what is "
             "known without them.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
