/* cmd_verify.c - `ingot verify`: is this file whole, and does it compute on this machine what it
 * computed where it was made? */
#include "formats/convert.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/model/describe.h"
#include "tools/model/open.h"
#include "tools/model/speak.h"

typedef struct {
    const char *model;
    int64_t threads;
    bool json, quiet;
} args;

static void print_text(const ig_ingot *f, double worst)
{
    char text[32], name[5];
    printf("structure  ok: %zu sections, %zu nodes, %zu values\n", f->n_sections, f->graph->n_nodes,
           f->graph->n_values);
    for (size_t i = 0; i < f->n_sections; i++)
        printf("digest     ok: %s, %s\n", ig_section_name(name, f->sections[i].type),
               ig_format_bytes(text, sizeof text, f->sections[i].bytes));
    if (f->golden.n)
        printf("golden     ok: %zu case%s, worst error %.2e of the output's scale (%.2e allowed)\n",
               f->golden.n, f->golden.n == 1 ? "" : "s", worst, f->golden.tolerance);
    else
        puts("golden     none: the file holds no recorded run to compare with (convert --golden)");
}

static ingot_status print_json(const ig_ingot *f, double worst, ingot_error *err)
{
    ig_json j;
    char name[5], digest[33];
    ig_json_init(&j, stdout, 2);
    ig_json_object(&j, NULL);
    ig_json_bool(&j, "ok", true);
    ig_json_array(&j, "sections");
    for (size_t i = 0; i < f->n_sections; i++) {
        ig_json_object(&j, NULL);
        ig_json_text(&j, "type", ig_section_name(name, f->sections[i].type));
        ig_json_uint(&j, "offset", f->sections[i].offset);
        ig_json_uint(&j, "bytes", f->sections[i].bytes);
        ig_json_text(&j, "xxh3", ig_hash_text(digest, f->sections[i].digest));
        ig_json_end(&j);
    }
    ig_json_end(&j);
    ig_json_object(&j, "golden");
    ig_json_uint(&j, "cases", f->golden.n);
    if (f->golden.n) {
        ig_json_f64(&j, "worst_error", worst);
        ig_json_f64(&j, "tolerance", f->golden.tolerance);
    }
    ig_json_end(&j);
    ig_json_end(&j);
    return ig_json_finish(&j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    const ig_open_options how = {.threads = a->threads, .quiet = a->quiet, .check_digests = true};
    ig_opened o;
    double worst = 0;
    IG_TRY(ig_open_model(&o, cli, a->model, &how, err));
    const ig_ingot *f = o.model->file;
    ingot_status s = INGOT_OK;
    if (f->golden.n)
        s = ig_golden_check(&worst, f->graph, &f->golden, &o.rt->heap, o.rt->pool, err);
    if (!s) s = ig_check_tokenizer(f, &o.rt->heap, err);
    if (!s && atomic_load(&f->map.bad))
        s = ig_fail(err, INGOT_E_IO, "it was cut off while it was read");
    if (s) s = ig_model_failed(cli, ig_wrap(err, s, "%s", a->model));
    if (!s && a->json)
        s = print_json(f, worst, err);
    else if (!s)
        print_text(f, worst);
    ig_close_model(&o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "MODEL", .help = "an .ingot file", .offset = offsetof(args, model)}};
static const ig_option options[] = {IG_OPTION_JSON(args), IG_OPTION_THREADS(args),
                                    IG_OPTION_QUIET(args)};
static const ig_example examples[] = {
    {"ingot verify digits.ingot", "check the whole file and replay its recorded runs"},
};

const ig_command ig_cmd_verify = {
    .name = "verify",
    .summary = "check a model file's structure, checksums and recorded runs",
    .about = "Reads the whole file: the structure is checked as it is whenever a model is opened, "
             "then the digest of every section, weights too. Where the file holds recorded runs "
             "(convert --golden), each is run on this machine and its outputs are compared: floats "
             "within the file's tolerance, relative to the output's largest value, everything "
             "else exactly.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
