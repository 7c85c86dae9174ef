/* cmd_embed.c - `ingot embed`: texts to vectors. */
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/data/npy.h"
#include "tools/model/texts.h"

typedef struct {
    const char *model, *file, *npy, *prefix;
    ig_words texts;
    int64_t threads, max_tokens;
    int pooling;
    bool not_normalized, json;
} args;

static const char *const poolings[] = {"auto", "mean", "cls", "last", NULL}; /* as ingot_pooling */

typedef struct {
    const args *a;
    ig_cli *cli;
    ig_opened o;
    ingot_embedder *e;
    ingot_embedder_info info;
    ig_text_list texts;
    float *y; /* [n, width] */
    size_t bytes;
} job;

/* ---- answers ---- */

static ingot_status write_npy(const job *j, ingot_error *err)
{
    const ig_array all = {.dtype = INGOT_F32,
                          .rank = 2,
                          .dims = {(int64_t)j->texts.n, (int64_t)j->info.width},
                          .data = j->y,
                          .bytes = j->bytes};
    return ig_npy_write(j->a->npy, &all, &j->o.rt->heap, err);
}

static ingot_status print_json(const job *j, ingot_error *err)
{
    ig_json out;
    ig_json_init(&out, stdout, 0);
    ig_json_object(&out, NULL);
    ig_json_text(&out, "model", j->a->model);
    ig_json_uint(&out, "dimensions", j->info.width);
    ig_json_text(&out, "pooling", poolings[j->info.pooling]);
    ig_json_bool(&out, "normalized", j->info.normalized);
    ig_json_array(&out, "embeddings");
    for (size_t i = 0; i < j->texts.n; i++) {
        ig_json_object(&out, NULL);
        ig_json_uint(&out, "index", i);
        ig_json_uint(&out, "tokens_cut", j->texts.cut[i]);
        ig_json_array(&out, "embedding");
        for (size_t k = 0; k < j->info.width; k++)
            ig_json_f32(&out, NULL, j->y[i * j->info.width + k]);
        ig_json_end(&out);
        ig_json_end(&out);
    }
    ig_json_end(&out);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

static void print_lines(const job *j)
{
    for (size_t i = 0; i < j->texts.n; i++)
        for (size_t k = 0; k < j->info.width; k++)
            printf("%.9g%c", (double)j->y[i * j->info.width + k],
                   k + 1 < j->info.width ? ' ' : '\n');
}

static ingot_status tell(const job *j, ingot_error *err)
{
    ig_text_list_tell_cut(&j->texts, j->info.max_tokens);
    if (j->a->npy) IG_TRY(write_npy(j, err));
    if (j->a->json) return print_json(j, err);
    if (j->a->npy)
        printf("%s: float32 [%zu, %zu]\n", j->a->npy, j->texts.n, j->info.width);
    else
        print_lines(j);
    return INGOT_OK;
}

/* ---- the command ---- */

static ingot_status work(job *j, ingot_error *err)
{
    const args *a = j->a;
    const ingot_embedder_options o = {.size = sizeof o,
                                      .max_tokens = (size_t)a->max_tokens,
                                      .pooling = (ingot_pooling)a->pooling,
                                      .not_normalized = a->not_normalized};
    IG_TRY(ig_open_embedder(&j->e, j->cli, &j->o, a->model, &o, err));
    ingot_embedder_get_info(&j->info, j->e);
    if (!j->info.width) {
        const ingot_status s =
            ig_fail(err, INGOT_E_UNSUPPORTED,
                    "%s: it gives %zu logits of a text, not an embedding (a reranker is for `ingot "
                    "rerank`)",
                    a->model, j->info.classes);
        return ig_model_failed(j->cli, s);
    }
    IG_TRY(ig_text_list_words(&j->texts, a->prefix, &a->texts, err));
    if (a->file) IG_TRY(ig_text_list_lines(&j->texts, a->prefix, a->file, err));
    IG_TRY(ig_text_list_ready(&j->texts, err));
    if (!ig_mul_ok(j->texts.n, j->info.width * sizeof(float), &j->bytes)) j->bytes = SIZE_MAX;
    j->y = ig_take(&j->o.rt->heap, j->bytes);
    if (!j->y) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu embeddings", j->texts.n);
    IG_TRY(ingot_embedder_embed(j->y, j->texts.cut, j->e, j->texts.v, j->texts.n, err));
    return tell(j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    job j = {.a = given, .cli = cli};
    const ig_open_options how = {.threads = j.a->threads, .quiet = true};
    IG_TRY(ig_open_model(&j.o, cli, j.a->model, &how, err));
    ig_text_list_init(&j.texts, &j.o.rt->heap);
    const ingot_status s = work(&j, err);
    ig_give(&j.o.rt->heap, j.y, j.bytes);
    ig_text_list_clear(&j.texts);
    if (j.e) ingot_embedder_close(&j.e);
    ig_close_model(&j.o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "MODEL",
     .help = "an .ingot file of a text encoder with its tokenizer",
     .offset = offsetof(args, model)},
    {.name = "TEXT",
     .help = "texts",
     .offset = offsetof(args, texts),
     .optional = true,
     .many = true}};
static const ig_option options[] = {
    {.name = "file",
     .letter = 'f',
     .arg = "F",
     .kind = IG_OPT_FILE,
     .help = "also every line of a file; -: of standard input",
     .offset = offsetof(args, file)},
    {.name = "npy",
     .arg = "F.npy",
     .kind = IG_OPT_FILE,
     .help = "write the vectors as float32 [texts, dimensions] instead of printing them",
     .offset = offsetof(args, npy)},
    {.name = "pooling",
     .arg = "P",
     .kind = IG_OPT_CHOICE,
     .choices = poolings,
     .help = "how the vectors of tokens become one; auto: as the model's makers say, else mean",
     .offset = offsetof(args, pooling)},
    {.name = "no-normalize",
     .kind = IG_OPT_FLAG,
     .help = "leave the vectors' length as it is; else it is 1",
     .offset = offsetof(args, not_normalized)},
    {.name = "prompt-prefix",
     .arg = "TEXT",
     .kind = IG_OPT_TEXT,
     .help = "what comes before every text, as E5 and BGE want it: 'query: '",
     .offset = offsetof(args, prefix)},
    {.name = "max-tokens",
     .arg = "N",
     .kind = IG_OPT_INT,
     .low = 0,
     .high = 1 << 20,
     .help = "cut texts that are longer; 0: at what the model takes",
     .offset = offsetof(args, max_tokens)},
    IG_OPTION_THREADS(args),
    IG_OPTION_JSON(args)};
static const ig_example examples[] = {
    {"ingot embed minilm.ingot 'a red bicycle'", "one vector, its numbers in a line"},
    {"ingot embed e5.ingot -f passages.txt --prompt-prefix 'passage: ' --npy passages.npy",
     "a vector for each line of a file"},
};

const ig_command ig_cmd_embed = {
    .name = "embed",
    .summary = "turn texts into vectors",
    .about = "Runs a text encoder: a folder of Hugging Face's hub (BERT, MiniLM, BGE, E5, RoBERTa, "
             "DistilBERT, MPNet, ModernBERT) or an ONNX export converted with --tokenizer. Texts "
             "are computed together by length; the vector of a text does not depend on the others. "
             "A text that is too long is cut at its end, and a line on standard error says so.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
