/* cmd_convert.c - `ingot convert`: a model of another format becomes an .ingot file. */
#include "formats/convert.h"
#include "kernels/cpu.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "runtime/base/fault.h"
#include "runtime/graph/pass.h"
#include "tools/cli/cli.h"
#include "tools/cli/progress.h"
#include "tools/model/describe.h"
#include "tools/model/golden.h"
#include "tools/model/open.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *source, *output, *golden, *name, *version, *dump, *tokenizer;
    int from, dtype, layout, activations;
    double tolerance;
    int64_t threads;
    bool json, quiet;
} args;

static const char *const sources[] = {"onnx", "gguf", "hf", "llama2c", "sentencepiece", NULL};
static const char *const layouts[] = {"p16", "plain", NULL};
static const char *const activations[] = {"keep", "fp8", NULL};

typedef struct {
    const args *a;
    ig_cli *cli;
    ig_heap *heap;
    ig_pool *pool;
    ig_progress progress;
    uint64_t done;
    char source[4096], tokenizer[4096], command[256]; /* tokenizer: beside an ONNX file, or "" */
    uint64_t began_ns, source_bytes;
} job;

/* ---- what is asked for, checked before anything is read -----------------------------------------
 */

static ingot_status check_dump(const char *name, ingot_error *err)
{
    char names[400] = "import";
    size_t n, used = strlen(names);
    const ig_pass *passes = ig_pass_list(&n);
    if (!name || !strcmp(name, "all") || !strcmp(name, "import")) return INGOT_OK;
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(name, passes[i].name)) return INGOT_OK;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, ", %s", passes[i].name);
    }
    return ig_fail(err, INGOT_E_ARG, "--dump-after %.40s: no such pass (all, %s)", name, names);
}

/* The bytes of what lies in a folder, as far as one look tells: for the summary. */
static uint64_t folder_bytes(const char *path)
{
    struct stat st;
    uint64_t sum = 0;
    DIR *dir = opendir(path);
    if (!dir) return 0;
    for (const struct dirent *e; (e = readdir(dir));)
        if (!fstatat(dirfd(dir), e->d_name, &st, 0) && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    closedir(dir);
    return sum;
}

/* The tokenizer beside a folder's model.onnx. */
static void find_tokenizer(job *j, const char *folder)
{
#if IG_HAVE_TEXT
    static const char *const files[] = {"tokenizer.json", "tokenizer.model"};
    for (size_t i = 0; i < IG_LEN(files); i++) {
        const int n = snprintf(j->tokenizer, sizeof j->tokenizer, "%s/%s", folder, files[i]);
        if (n > 0 && (size_t)n < sizeof j->tokenizer && !access(j->tokenizer, F_OK)) return;
    }
#else
    (void)folder;
#endif
    *j->tokenizer = 0;
}

/* A folder with a model.onnx stands for that file and its tokenizer; others are checkpoints, or
 * tokenizers. */
static ingot_status find_source(job *j, ingot_error *err)
{
    struct stat st;
    const char *path = j->a->source;
    const bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    int n = snprintf(j->source, sizeof j->source, folder ? "%s/model.onnx" : "%s", path);
    if (folder && n > 0 && (size_t)n < sizeof j->source && access(j->source, F_OK))
        n = snprintf(j->source, sizeof j->source, "%s", path);
    if (n < 0 || (size_t)n >= sizeof j->source)
        return ig_fail(err, INGOT_E_ARG, "%.80s...: the path is too long", path);
    if (!stat(j->source, &st) && S_ISDIR(st.st_mode)) {
        j->source_bytes = folder_bytes(j->source);
        return INGOT_OK;
    }
    if (folder) find_tokenizer(j, path);
    ig_map map = {0};
    IG_TRY(ig_map_open(&map, j->heap, j->source, err));
    j->source_bytes = map.size;
    ig_map_close(&map);
    return INGOT_OK;
}

/* The writer refuses these too, but only after all the work. */
static ingot_status check_output(const job *j, ingot_error *err)
{
    struct stat out, in;
    if (stat(j->a->output, &out)) return INGOT_OK;
    if (!S_ISREG(out.st_mode))
        return ig_fail(err, INGOT_E_IO, "%s: not a regular file, it will not be replaced",
                       j->a->output);
    if (!stat(j->source, &in) && in.st_ino == out.st_ino && in.st_dev == out.st_dev)
        return ig_fail(err, INGOT_E_ARG, "%s: source and output are the same file", j->a->output);
    return INGOT_OK;
}

/* ---- while it works
 * ------------------------------------------------------------------------------ */

static void dump(const job *j, const char *pass, const ig_graph *g)
{
    FILE *to = j->a->json ? stderr : stdout;
    const size_t n = ig_graph_print(NULL, 0, g);
    char *text = malloc(n + 1);
    if (!text) {
        fprintf(stderr, "ingot: no memory to print the graph after %s\n", pass);
        return;
    }
    ig_graph_print(text, n + 1, g);
    fprintf(to, "# after %s\n%s\n", pass, text);
    free(text);
}

static void after_pass(void *ud, const char *pass, const ig_graph *g)
{
    job *j = ud;
    ig_progress_step(&j->progress, ++j->done);
    if (!j->a->dump || (strcmp(j->a->dump, "all") && strcmp(j->a->dump, pass))) return;
    ig_progress_end(&j->progress);
    dump(j, pass, g);
}

static ingot_status convert(job *j, const ig_golden *golden, ingot_error *err)
{
    const args *a = j->a;
    const ig_log log = {.level = a->quiet ? IG_LOG_ERROR : IG_LOG_WARN};
    const ig_convert_options o = {.heap = j->heap,
                                  .pool = j->pool,
                                  .log = &log,
                                  .from = a->from < 0 ? NULL : sources[a->from],
                                  .name = a->name,
                                  .version = a->version,
                                  .command = j->command,
                                  .plain = a->layout == 1,
                                  .target = (ig_weight_target)a->dtype,
                                  .round_f8 = a->activations == 1,
                                  .tokenizer = a->tokenizer    ? a->tokenizer
                                               : *j->tokenizer ? j->tokenizer
                                                               : NULL,
                                  .golden = golden,
                                  .after_pass = after_pass,
                                  .after_ud = j};
    size_t n_passes;
    ig_pass_list(&n_passes);
    ig_progress_begin(&j->progress, "converting", n_passes + 2, a->quiet);
    ig_progress_step(&j->progress, 0);
    const ingot_status s = ig_convert_file(a->output, j->source, &o, err);
    ig_progress_end(&j->progress);
    if (s == INGOT_E_ARG) j->cli->exit_code = IG_EXIT_MODEL; /* not a file that can be converted */
    return s;
}

/* ---- what came of it
 * ------------------------------------------------------------------------------ */

static ingot_status tell(const job *j, const ig_ingot *f, const ig_summary *sum, ingot_error *err)
{
    char from[32], to[32], count[32], time[32];
    const double seconds = 1e-9 * (double)(ig_now_ns() - j->began_ns);
    if (j->a->json) {
        ig_json out;
        ig_json_init(&out, stdout, 2);
        ig_json_object(&out, NULL);
        ig_json_text(&out, "output", j->a->output);
        ig_json_uint(&out, "source_bytes", j->source_bytes);
        ig_json_uint(&out, "output_bytes", f->n_bytes);
        ig_json_uint(&out, "parameters", sum->parameters);
        ig_json_uint(&out, "nodes", sum->n_nodes);
        ig_json_uint(&out, "golden_cases", f->golden.n);
        ig_json_f64(&out, "seconds", seconds);
        ig_ports_json(&out, f->graph);
        ig_json_end(&out);
        return ig_json_finish(&out, err);
    }
    if (j->a->quiet) return INGOT_OK;
    printf("%s: %s from %s, %s parameters, %zu nodes, in %s\n", j->a->output,
           ig_format_bytes(to, sizeof to, f->n_bytes),
           ig_format_bytes(from, sizeof from, j->source_bytes),
           ig_format_count(count, sizeof count, sum->parameters), sum->n_nodes,
           ig_format_time(time, sizeof time, seconds));
    if (f->golden.n)
        printf("%zu recorded run%s replayed and stored\n", f->golden.n,
               f->golden.n == 1 ? "" : "s");
    return ig_ports_print(f->graph, stdout, err);
}

/* The file as it was written is what the summary speaks of. */
static ingot_status summarize(const job *j, ingot_error *err)
{
    ig_ingot *f;
    ig_arena arena;
    ig_summary sum;
    if (j->a->quiet && !j->a->json) return INGOT_OK;
    IG_TRY(ig_ingot_open(&f, j->heap, j->a->output, err));
    ig_arena_init(&arena, j->heap);
    ingot_status s = ig_summarize(&sum, f->graph, &arena, err);
    if (!s) s = tell(j, f, &sum, err);
    ig_arena_clear(&arena);
    ig_ingot_close(&f);
    return s;
}

static ingot_status run_job(job *j, ingot_error *err)
{
    const ig_pool_options pool = {.n_threads = (size_t)j->a->threads};
    ig_golden_data golden = {0};
    IG_TRY(ig_model_failed(j->cli, find_source(j, err)));
    IG_TRY(check_output(j, err));
    IG_TRY(ig_pool_open(&j->pool, j->heap, &pool, err));
    ingot_status s = INGOT_OK;
    if (j->a->golden) s = ig_golden_read(&golden, j->heap, j->a->golden, j->a->tolerance, err);
    if (!s) s = convert(j, j->a->golden ? &golden.golden : NULL, err);
    if (j->a->golden) ig_golden_clear(&golden);
    ig_pool_close(&j->pool);
    return s ? s : summarize(j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    IG_TRY(ig_cpu_check(err));
    IG_TRY(check_dump(a->dump, err));
    IG_TRY(ig_fault_guard_install(err));
    job *j = calloc(1, sizeof *j);
    if (!j) return ig_fail(err, INGOT_E_NOMEM, "convert: no memory");
    j->a = a;
    j->cli = cli;
    j->heap = &cli->heap;
    j->began_ns = ig_now_ns();
    snprintf(j->command, sizeof j->command, "--layout %s --dtype %s%s%s%s", layouts[a->layout],
             ig_weight_targets[a->dtype], a->activations ? " --activations fp8" : "",
             a->golden ? " --golden" : "", a->tokenizer ? " --tokenizer" : "");
    const ingot_status s = run_job(j, err);
    free(j);
    return s;
}

static const ig_operand operands[] = {
    {.name = "SOURCE",
     .help =
         "the model to convert: an .onnx file or a folder with model.onnx; a language model: a "
         "folder of Hugging Face's hub (config.json, safetensors), a GGUF file, a llama2.c "
         "checkpoint; a tokenizer: tokenizer.json or a folder with one, tokenizer.model, a GGUF "
         "vocabulary",
     .offset = offsetof(args, source)}};
static const ig_option options[] = {
    {.name = "output",
     .letter = 'o',
     .arg = "FILE",
     .kind = IG_OPT_FILE,
     .required = true,
     .help = "the .ingot file to write; replaced whole or left untouched",
     .offset = offsetof(args, output)},
    {.name = "from",
     .arg = "FORMAT",
     .kind = IG_OPT_CHOICE,
     .choices = sources,
     .help = "what the source is; told from its content otherwise",
     .offset = offsetof(args, from)},
    {.name = "layout",
     .arg = "L",
     .kind = IG_OPT_CHOICE,
     .choices = layouts,
     .help = "how weights lie in the file: packed for the kernels, so that opening copies nothing, "
             "or in plain rows",
     .offset = offsetof(args, layout)},
    {.name = "dtype",
     .arg = "T",
     .kind = IG_OPT_CHOICE,
     .choices = ig_weight_targets,
     .help =
         "what the weights of a language model become: keep (as they are), floats of 32 or 16 "
         "bits, groups of 32 in 8 bits (q8) or 4 (q4; embedding and output keep 8), or floats of "
         "8 bits (e4m3; embedding and output stay) with a scale a row (fp8) or for 128 weights "
         "of it (fp8-block)",
     .offset = offsetof(args, dtype)},
    {.name = "activations",
     .arg = "A",
     .kind = IG_OPT_CHOICE,
     .choices = activations,
     .help =
         "what weights of fp8 are multiplied by: keep (not rounded), or fp8 (rounded as well, as "
         "the tensor cores of devices multiply them)",
     .offset = offsetof(args, activations)},
    {.name = "tokenizer",
     .arg = "FILE",
     .kind = IG_OPT_FILE,
     .help = "the tokenizer of a language model whose source has none, or another one: "
             "tokenizer.json, tokenizer.model, a GGUF file or a tokenizer of llama2.c",
     .offset = offsetof(args, tokenizer)},
    {.name = "golden",
     .arg = "IN,OUT",
     .kind = IG_OPT_FILE,
     .help = "recorded runs to check and to store: in.npz,out.npz, or one .npz with keys inK.NAME "
             "and outK.NAME",
     .offset = offsetof(args, golden)},
    {.name = "golden-tolerance",
     .arg = "X",
     .kind = IG_OPT_FLOAT,
     .high = 1,
     .help = "largest error of a recorded output, relative to its largest value",
     .offset = offsetof(args, tolerance)},
    {.name = "name",
     .arg = "NAME",
     .kind = IG_OPT_TEXT,
     .help = "the model's name; otherwise the source file's",
     .offset = offsetof(args, name)},
    {.name = "version",
     .arg = "V",
     .kind = IG_OPT_TEXT,
     .help = "the model's version",
     .offset = offsetof(args, version)},
    {.name = "dump-after",
     .arg = "PASS",
     .kind = IG_OPT_TEXT,
     .help = "print the graph after this pass (import: as it was read; all: after each)",
     .offset = offsetof(args, dump)},
    IG_OPTION_THREADS(args),
    IG_OPTION_JSON(args),
    IG_OPTION_QUIET(args),
};
static const ig_example examples[] = {
    {"ingot convert digits_cnn.onnx -o digits.ingot", "convert a model"},
    {"ingot convert m.onnx -o m.ingot --golden golden.npz", "check it and let it prove itself"},
    {"ingot convert m.onnx -o m.ingot --dump-after all", "see what each pass does"},
    {"ingot convert model.gguf -o m.ingot", "a language model, its weights as they are"},
    {"ingot convert SmolLM2-135M -o smol.ingot --dtype q8", "a language model, in 8 bits"},
};
static const args defaults = {.from = -1, .tolerance = 1e-4, .version = "1.0.0"};

const ig_command ig_cmd_convert = {
    .name = "convert",
    .summary = "turn a model of another format into an .ingot file",
    .about =
        "Reads the source, optimises its graph and writes one file that is mapped and run "
        "without further work. What cannot be expressed is listed all at once, and no file is "
        "written. The output appears whole or not at all.\n\n"
        "ONNX models of all versions are read; weights in files beside the model must lie "
        "under its folder. Of a folder that holds a model.onnx the tokenizer is taken too "
        "(tokenizer.json or tokenizer.model); name the file to go without.\n\n"
        "Language models come as folders: config.json, model.safetensors or several with their "
        "index, and where they are there tokenizer.json or tokenizer.model, chat_template and "
        "generation_config.json. Weights are converted one by one: it takes memory for the "
        "largest, not for the model.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, &defaults),
    .run = run,
};
