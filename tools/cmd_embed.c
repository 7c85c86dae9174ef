/* cmd_embed.c - `ingot embed`: texts to vectors. */
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/data/npy.h"
#include "tools/model/texts.h"

typedef struct {
    ig_text_args given;
    const char *npy, *prefix;
    int pooling;
    bool not_normalized;
} args;

static const char *const poolings[] = {"auto", "mean", "cls", "last", NULL}; /* as ingot_pooling */

typedef struct {
    const args *a;
    ig_text_job *t;
    float *y; /* [n, width] */
    size_t bytes;
} job;

/* ---- answers ---- */

static ingot_status write_npy(const job *j, ingot_error *err)
{
    const ig_array all = {.dtype = INGOT_F32,
                          .rank = 2,
                          .dims = {(int64_t)j->t->texts.n, (int64_t)j->t->info.width},
                          .data = j->y,
                          .bytes = j->bytes};
    return ig_npy_write(j->a->npy, &all, &j->t->o.rt->heap, err);
}

static ingot_status print_json(const job *j, ingot_error *err)
{
    ig_json out;
    ingot_embedder_get_info(&j->t->info, j->t->e); /* where it is by now */
    ig_json_init(&out, stdout, 0);
    ig_json_object(&out, NULL);
    ig_json_text(&out, "model", j->a->given.model);
    ig_json_text(&out, "device", j->t->info.device);
    ig_json_uint(&out, "dimensions", j->t->info.width);
    ig_json_text(&out, "pooling", poolings[j->t->info.pooling]);
    ig_json_bool(&out, "normalized", j->t->info.normalized);
    ig_json_array(&out, "embeddings");
    for (size_t i = 0; i < j->t->texts.n; i++) {
        ig_json_object(&out, NULL);
        ig_json_uint(&out, "index", i);
        ig_json_uint(&out, "tokens_cut", j->t->texts.cut[i]);
        ig_json_array(&out, "embedding");
        for (size_t k = 0; k < j->t->info.width; k++)
            ig_json_f32(&out, NULL, j->y[i * j->t->info.width + k]);
        ig_json_end(&out);
        ig_json_end(&out);
    }
    ig_json_end(&out);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

static void print_lines(const job *j)
{
    for (size_t i = 0; i < j->t->texts.n; i++)
        for (size_t k = 0; k < j->t->info.width; k++)
            printf("%.9g%c", (double)j->y[i * j->t->info.width + k],
                   k + 1 < j->t->info.width ? ' ' : '\n');
}

static ingot_status tell(const job *j, ingot_error *err)
{
    ig_text_list_tell_cut(&j->t->texts, j->t->info.max_tokens);
    if (j->a->npy) IG_TRY(write_npy(j, err));
    if (j->a->given.json) return print_json(j, err);
    if (j->a->npy)
        printf("%s: float32 [%zu, %zu]\n", j->a->npy, j->t->texts.n, j->t->info.width);
    else
        print_lines(j);
    return INGOT_OK;
}

/* ---- the command ---- */

static ingot_status work(ig_text_job *t, ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    const size_t width = t->info.width;
    if (!width) {
        const ingot_status s =
            ig_fail(err, INGOT_E_UNSUPPORTED,
                    "%s: it gives %zu logits of a text, not an embedding (a reranker is for `ingot "
                    "rerank`)",
                    a->given.model, t->info.classes);
        return ig_model_failed(cli, s);
    }
    IG_TRY(ig_text_job_take(t, a->prefix, &a->given, err));
    job j = {.a = a, .t = t};
    if (ig_mul_ok(t->texts.n, width * sizeof *j.y, &j.bytes))
        j.y = ig_arena_take(&t->texts.arena, j.bytes);
    if (!j.y) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu embeddings", t->texts.n);
    IG_TRY(ingot_embedder_embed(j.y, t->texts.cut, t->e, t->texts.v, t->texts.n, err));
    return tell(&j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    const ingot_embedder_options o = {.pooling = (ingot_pooling)a->pooling,
                                      .not_normalized = a->not_normalized};
    return ig_text_job_run(cli, a, o, work, err);
}

static const ig_operand operands[] = {
    {.name = "MODEL",
     .help = "an .ingot file of a text encoder with its tokenizer",
     .offset = offsetof(args, given.model)},
    {.name = "TEXT",
     .help = "texts",
     .offset = offsetof(args, given.texts),
     .optional = true,
     .many = true}};
static const ig_option options[] = {
    IG_TEXT_OPTIONS,
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
};
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
