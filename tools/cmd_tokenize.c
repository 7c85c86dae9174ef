/* cmd_tokenize.c - `ingot tokenize`: text to the ids that a model sees, and back. */
#include "runtime/text/detokenize.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/data/whole.h"
#include "tools/model/open.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model, *text, *file;
    bool ids, no_special, plain, decode, json;
} args;

typedef struct {
    const args *a;
    ig_heap *heap;
    ig_tokenizer *t;
    ig_token_work *w;
    ig_bytes read; /* of the file */
    const char *text;
    size_t n;
    ig_ids ids;
} job;

/* ---- the text, or the ids, that are given ---- */

static ingot_status take_text(job *j, ingot_error *err)
{
    const args *a = j->a;
    if (!a->text == !a->file)
        return ig_fail(err, INGOT_E_ARG, "give a text or --file, one of the two");
    if (a->text) {
        j->text = a->text;
        j->n = strlen(a->text);
        return INGOT_OK;
    }
    IG_TRY(ig_read_whole(&j->read, a->file, err));
    j->text = j->read.n ? (const char *)j->read.p : "";
    j->n = j->read.n;
    return INGOT_OK;
}

static ingot_status parse_ids(job *j, ingot_error *err)
{
    for (size_t i = 0; i < j->n;) {
        if (isspace((unsigned char)j->text[i]) || j->text[i] == ',') {
            i++;
            continue;
        }
        uint64_t id = 0;
        const size_t begin = i;
        while (i < j->n && isdigit((unsigned char)j->text[i]) && id <= UINT32_MAX)
            id = id * 10 + (uint64_t)(j->text[i++] - '0');
        if (i == begin || id > UINT32_MAX)
            return ig_fail(err, INGOT_E_DATA, "byte %zu: '%.20s' is no token id", begin,
                           j->text + begin);
        ig_ids_add(&j->ids, (uint32_t)id);
    }
    return j->ids.failed ? ig_fail(err, INGOT_E_NOMEM, "no memory for the ids") : INGOT_OK;
}

/* ---- answers ---- */

static void print_ids(const job *j)
{
    for (size_t i = 0; i < j->ids.n; i++) printf("%s%u", i ? " " : "", j->ids.v[i]);
    putchar('\n');
}

/* A piece as people can read it: unprintable bytes as \xNN. */
static void readable(char *to, size_t room, ingot_str p)
{
    size_t at = 0;
    for (size_t i = 0; i < p.n && at + 5 < room; i++) {
        const unsigned char c = (unsigned char)p.p[i];
        if (c < ' ' || c == 0x7f)
            at += (size_t)snprintf(to + at, room - at, "\\x%02x", c);
        else
            to[at++] = (char)c;
    }
    to[at] = 0;
}

static ingot_status print_table(const job *j, ingot_error *err)
{
    const ig_lexicon *x = ig_tokenizer_lexicon(j->t);
    char text[256];
    ig_table table;
    ig_table_init(&table, 2, 1);
    for (size_t i = 0; i < j->ids.n; i++) {
        readable(text, sizeof text, ig_lexicon_piece(x, j->ids.v[i]));
        ig_table_cell(&table, "%u", j->ids.v[i]);
        ig_table_cell(&table, "'%s'", text);
    }
    const ingot_status s = ig_table_print(&table, stdout, err);
    ig_table_clear(&table);
    if (!s) printf("%zu tokens of %zu bytes\n", j->ids.n, j->n);
    return s;
}

static ingot_status print_json(const job *j, ingot_error *err)
{
    const ig_lexicon *x = ig_tokenizer_lexicon(j->t);
    ig_json out;
    ig_json_init(&out, stdout, 2);
    ig_json_object(&out, NULL);
    ig_json_array(&out, "tokens");
    for (size_t i = 0; i < j->ids.n; i++) {
        const ingot_str p = ig_lexicon_piece(x, j->ids.v[i]);
        ig_json_object(&out, NULL);
        ig_json_uint(&out, "id", j->ids.v[i]);
        ig_json_text_n(&out, "text", p.p, p.n);
        ig_json_end(&out);
    }
    ig_json_end(&out);
    ig_json_uint(&out, "bytes", j->n);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

static ingot_status print_text(const job *j, ingot_error *err)
{
    ig_detokenizer d;
    ig_detokenizer_init(&d, j->t, j->heap, j->a->no_special);
    ingot_status s = INGOT_OK;
    for (size_t i = 0; i < j->ids.n && !s; i++) {
        s = ig_detokenizer_add(&d, j->ids.v[i], err);
        if (s == INGOT_E_ARG) s = err->status = INGOT_E_DATA; /* the ids are the data here */
    }
    if (!s) s = ig_detokenizer_end(&d, err);
    if (!s) {
        fwrite(d.out.p, 1, d.out.n, stdout);
        putchar('\n');
    }
    ig_detokenizer_clear(&d);
    return s;
}

/* ---- the command ---- */

static ingot_status work(job *j, ingot_error *err)
{
    const args *a = j->a;
    if (a->decode && (a->ids || a->json || a->plain))
        return ig_fail(err, INGOT_E_ARG, "--decode prints text: it goes with --no-special only");
    IG_TRY(take_text(j, err));
    if (a->decode) {
        IG_TRY(parse_ids(j, err));
        return print_text(j, err);
    }
    const unsigned flags =
        (a->no_special ? 0 : IG_ENCODE_SPECIAL) | (a->plain ? IG_ENCODE_PLAIN : 0u);
    IG_TRY(ig_encode(&j->ids, j->w, j->text, j->n, flags, err));
    if (a->json) return print_json(j, err);
    if (!a->ids) return print_table(j, err);
    print_ids(j);
    return INGOT_OK;
}

static ingot_status open_tokenizer(job *j, ig_cli *cli, const ig_opened *o, ingot_error *err)
{
    const ingot_str bytes = ig_ingot_tokenizer(o->model->file);
    ingot_status s = bytes.p ? ig_tokenizer_open(&j->t, j->heap, bytes.p, bytes.n, err)
                             : ig_fail(err, INGOT_E_FORMAT,
                                       "it holds no tokenizer (convert the model with its "
                                       "tokenizer files beside it)");
    if (!s) s = ig_token_work_open(&j->w, j->t, err);
    return s ? ig_model_failed(cli, ig_wrap(err, s, "%s", j->a->model)) : INGOT_OK;
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    const ig_open_options how = {.threads = 1, .quiet = true};
    ig_opened o;
    IG_TRY(ig_open_model(&o, cli, a->model, &how, err));
    job j = {.a = a, .heap = &o.rt->heap};
    ig_ids_init(&j.ids, j.heap);
    ig_bytes_init(&j.read, j.heap);
    ingot_status s = open_tokenizer(&j, cli, &o, err);
    if (!s) s = work(&j, err);
    ig_ids_clear(&j.ids);
    ig_bytes_clear(&j.read);
    ig_token_work_close(&j.w);
    ig_tokenizer_close(&j.t);
    ig_close_model(&o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "MODEL", .help = "an .ingot file with a tokenizer", .offset = offsetof(args, model)},
    {.name = "TEXT",
     .help = "the text; with --decode, ids separated by spaces or commas",
     .offset = offsetof(args, text),
     .optional = true}};
static const ig_option options[] = {
    {.name = "file",
     .letter = 'f',
     .arg = "F",
     .help = "take the text from a file, as it is; -: from standard input",
     .kind = IG_OPT_FILE,
     .offset = offsetof(args, file)},
    {.name = "ids",
     .help = "print the ids only, in one line",
     .kind = IG_OPT_FLAG,
     .offset = offsetof(args, ids)},
    {.name = "no-special",
     .help = "without the tokens that the model wants around a text; with --decode, leave special "
             "tokens out",
     .kind = IG_OPT_FLAG,
     .offset = offsetof(args, no_special)},
    {.name = "plain",
     .help = "special tokens written in the text are text",
     .kind = IG_OPT_FLAG,
     .offset = offsetof(args, plain)},
    {.name = "decode",
     .letter = 'd',
     .help = "from ids to text",
     .kind = IG_OPT_FLAG,
     .offset = offsetof(args, decode)},
    IG_OPTION_JSON(args)};
static const ig_example examples[] = {
    {"ingot tokenize gpt2.ingot 'Hello world'", "a table of ids and their pieces"},
    {"ingot tokenize gpt2.ingot -f page.txt --ids", "the ids of a file, in one line"},
    {"ingot tokenize gpt2.ingot --decode '15496 995'", "back to text"},
};

const ig_command ig_cmd_tokenize = {
    .name = "tokenize",
    .summary = "show the token ids of a text, or the text of ids",
    .about = "The tokenizer comes from the model file; tokenizer.json, tokenizer.model and GGUF "
             "files (vocabulary only) convert to one. Texts must be UTF-8.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
