/* cmd_bench.c - `ingot bench`: what Ingot reaches of what this machine can do. The benches
 * themselves are in bench/. */
#include "bench/generate/generate.h"
#include "bench/kernels/compare.h"
#include "bench/kernels/report.h"
#include "bench/kernels/roofline.h"
#include "kernels/cpu.h"
#include "tools/cli/cli.h"
#include "tools/data/output.h"
#include "tools/model/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *what, *model, *filter, *isa, *shape, *peers, *compare, *svg, *json;
    int64_t threads;
    int cache;
    bool quick, quiet;
} args;

static const char *const caches[] = {"hot", "cold", NULL};

typedef ingot_status write_fn(const bench *b, FILE *to, ingot_error *err);

/* A file that is opened before the work, so that an unwritable path is known at once, and gets its
 * bytes after it. */
typedef struct {
    const char *path; /* NULL: not wanted */
    ig_output out;
    write_fn *write;
} file;

static ingot_status open_files(file *files, size_t n, ig_heap *heap, ingot_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!files[i].path) continue;
        const ingot_status s = ig_output_open(&files[i].out, heap, files[i].path, err);
        if (!s) continue;
        while (i--)
            if (files[i].path) ig_output_end(&files[i].out, s, NULL);
        return s;
    }
    return INGOT_OK;
}

static ingot_status write_file(file *f, const bench *b, ingot_error *err)
{
    char *text = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&text, &n);
    ingot_status s =
        memory ? f->write(b, memory, err) : ig_fail(err, INGOT_E_NOMEM, "%s: no memory", f->path);
    if (memory && fclose(memory) && !s) s = ig_fail(err, INGOT_E_NOMEM, "%s: no memory", f->path);
    if (!s) s = f->out.sink.put(&f->out.sink, text, n, err);
    free(text);
    return s;
}

/* After a failure the rest of the files is only ended. */
static ingot_status end_files(file *files, size_t n, const bench *b, ingot_status s,
                              ingot_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!files[i].path) continue;
        if (!s) s = write_file(&files[i], b, err);
        s = ig_output_end(&files[i].out, s, err);
    }
    return s;
}

static ingot_status compare(ig_cli *cli, const bench_earlier *earlier, const bench *b,
                            ingot_error *err)
{
    size_t n_slower = 0;
    if (!earlier->path) return INGOT_OK;
    IG_TRY(earlier_print(earlier, b, &n_slower, err));
    if (n_slower) cli->exit_code = IG_EXIT_FAILED;
    return INGOT_OK;
}

static ingot_status time_cases(ig_cli *cli, const args *a, bench *b, ingot_error *err)
{
    if (a->model) return ig_model_failed(cli, bench_generate(b, a->model, err));
    bench_kernels(b);
    return b->status;
}

static ingot_status measure(ig_cli *cli, const args *a, const bench_earlier *earlier,
                            ingot_error *err)
{
    const bench_options o = {.filter = a->filter,
                             .shape = a->shape,
                             .threads = (size_t)a->threads,
                             .cold = a->cache == 1,
                             .quick = a->quick,
                             .quiet = a->quiet,
                             .peers = a->peers};
    file files[] = {{.path = a->json, .write = report_json},
                    {.path = a->svg, .write = roofline_svg}};
    bench b;
    IG_TRY(open_files(files, IG_LEN(files), &cli->heap, err));
    ingot_status s = bench_open(&b, &o, &cli->heap, err);
    if (!s) s = time_cases(cli, a, &b, err);
    if (!s) s = bench_end(&b, err);
    if (!s) s = report_table(&b, err);
    s = end_files(files, IG_LEN(files), &b, s, err);
    if (!s) s = compare(cli, earlier, &b, err);
    bench_close(&b);
    return s;
}

static ingot_status compare_and_measure(ig_cli *cli, const args *a, ingot_error *err)
{
    bench_earlier earlier = {0};
    ingot_status s = a->compare ? earlier_open(&earlier, &cli->heap, a->compare, err) : INGOT_OK;
    if (!s) s = measure(cli, a, &earlier, err);
    if (a->compare) earlier_close(&earlier);
    return s;
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    if (a->isa) setenv("INGOT_CPU_ISA", a->isa, 1);
    IG_TRY(ig_cpu_check(err));
    if (a->json && a->svg && !strcmp(a->json, a->svg))
        return ig_fail(err, INGOT_E_ARG, "--json and --svg name the same file, %s", a->json);
    const bool kernels = !strcmp(a->what, "kernels");
    if (!kernels && strcmp(a->what, "generate"))
        return ig_fail(err, INGOT_E_ARG, "bench %s: unknown (there are kernels and generate)",
                       a->what);
    if (a->svg && !kernels)
        return ig_fail(err, INGOT_E_ARG, "--svg: a picture of the kernels only");
    if (kernels == (a->model != NULL))
        return ig_fail(err, INGOT_E_ARG,
                       kernels ? "bench kernels: takes no model" : "bench generate: needs a model");
    return compare_and_measure(cli, a, err);
}

static const ig_operand operands[] = {
    {.name = "WHAT",
     .help = "kernels: each of them; generate: prompts and answers of a language model",
     .offset = offsetof(args, what)},
    {.name = "MODEL",
     .help = "generate: an .ingot file that holds a language model",
     .offset = offsetof(args, model),
     .optional = true}};
static const ig_option options[] = {
    {.name = "filter",
     .letter = 'f',
     .arg = "RE",
     .kind = IG_OPT_TEXT,
     .help = "only benches whose name has this extended regular expression in it",
     .offset = offsetof(args, filter)},
    {.name = "shape",
     .letter = 's',
     .arg = "TEXT",
     .kind = IG_OPT_TEXT,
     .help = "only shapes with this text in them; M,N,K: products of this size",
     .offset = offsetof(args, shape)},
    {.name = "isa",
     .arg = "L",
     .kind = IG_OPT_TEXT,
     .help = "hold the kernels to this instruction set, as INGOT_CPU_ISA does",
     .offset = offsetof(args, isa)},
    {.name = "threads",
     .letter = 't',
     .arg = "N",
     .kind = IG_OPT_INT,
     .high = IG_MAX_THREADS,
     .help = "with this many threads only; 0: with 1, then with all",
     .offset = offsetof(args, threads)},
    {.name = "cache",
     .arg = "STATE",
     .kind = IG_OPT_CHOICE,
     .choices = caches,
     .help = "whether operands may be in the caches from the call before",
     .offset = offsetof(args, cache)},
    {.name = "vs",
     .arg = "PEERS",
     .kind = IG_OPT_TEXT,
     .help = "libraries to time beside Ingot, separated by commas, or none as an empty text; those "
             "that are installed unless given",
     .offset = offsetof(args, peers)},
    {.name = "quick",
     .kind = IG_OPT_FLAG,
     .help = "fewer rounds and shapes: about a minute",
     .offset = offsetof(args, quick)},
    {.name = "compare",
     .arg = "F",
     .kind = IG_OPT_FILE,
     .help =
         "compare with an earlier run's JSON; exit code 1 when a case is over 3 % slower, beyond "
         "its spread",
     .offset = offsetof(args, compare)},
    {.name = "svg",
     .arg = "F",
     .kind = IG_OPT_FILE,
     .help = "draw a roofline plot of what was measured",
     .offset = offsetof(args, svg)},
    {.name = "json",
     .arg = "F",
     .kind = IG_OPT_FILE,
     .help = "write machine, limits and results as JSON",
     .offset = offsetof(args, json)},
    IG_OPTION_QUIET(args),
};
static const ig_example examples[] = {
    {"ingot bench kernels --quick", "every kernel, in about a minute"},
    {"ingot bench kernels -f conv --compare before.json", "what a change brought"},
    {"ingot bench kernels -f '^gemm_f32' -s 1,4096,4096 -t 1", "one product beside its peers"},
    {"ingot bench generate m.ingot -t 1", "tokens a second of prompts and answers"},
};

const ig_command ig_cmd_bench = {
    .name = "bench",
    .summary = "measure kernels and models against this machine's limits",
    .about =
        "Measures what this machine can do at most (arithmetic in registers, reading and copying "
        "from each cache and from memory), and every kernel in the same seconds: the figures are "
        "medians of rounds, each as a share of the limit that was reached beside it. Libraries "
        "that do the same work (OpenBLAS, oneDNN, BLIS) are loaded when they are installed and "
        "timed "
        "in turns with Ingot; a ratio above 1 means that Ingot is faster. `generate` gives the "
        "tokens "
        "a second of a language model: prompts of several lengths against the limit of arithmetic, "
        "answers of several texts at a time, short and long, against reading from memory.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
