/* cmd_rerank.c - `ingot rerank`: documents in the order in which they answer a query. */
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/model/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ig_text_args given;
    const char *query;
    int64_t top;
} args;

typedef struct {
    size_t index;
    float score;
} ranked;

typedef struct {
    const args *a;
    ig_text_job *t;
    float *scores; /* [n] */
    ranked *order; /* [n], best first */
    size_t n_shown;
} job;

/* ---- answers ---- */

static double sigmoid(float x) { return 1 / (1 + exp(-(double)x)); }

static ingot_status print_json(const job *j, ingot_error *err)
{
    ig_json out;
    ingot_embedder_get_info(&j->t->info, j->t->e); /* where it is by now */
    ig_json_init(&out, stdout, 2);
    ig_json_object(&out, NULL);
    ig_json_text(&out, "model", j->a->given.model);
    ig_json_text(&out, "device", j->t->info.device);
    ig_json_text(&out, "query", j->a->query);
    ig_json_array(&out, "results");
    for (size_t i = 0; i < j->n_shown; i++) {
        const ranked *r = &j->order[i];
        const ingot_str text = j->t->texts.v[r->index];
        ig_json_object(&out, NULL);
        ig_json_uint(&out, "index", r->index);
        ig_json_f32(&out, "score", r->score);
        ig_json_f64(&out, "probability", sigmoid(r->score));
        ig_json_uint(&out, "tokens_cut", j->t->texts.cut[r->index]);
        ig_json_text_n(&out, "document", text.p, text.n);
        ig_json_end(&out);
    }
    ig_json_end(&out);
    ig_json_end(&out);
    return ig_json_finish(&out, err);
}

/* The beginning of a document in one line. */
static const char *begin_of(char to[64], ingot_str text)
{
    enum { MOST = 56 };
    size_t n = text.n < MOST ? text.n : MOST;
    while (n < text.n && n && ((unsigned char)text.p[n] & 0xc0) == 0x80) n--; /* whole characters */
    for (size_t i = 0; i < n; i++) to[i] = (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i];
    snprintf(to + n, 64 - n, "%s", n < text.n ? "..." : "");
    return to;
}

static ingot_status print_table(const job *j, ingot_error *err)
{
    char text[64];
    ig_table t;
    ig_table_init(&t, 3, 3);
    ig_table_cell(&t, "score");
    ig_table_cell(&t, "index");
    ig_table_cell(&t, "document");
    for (size_t i = 0; i < j->n_shown; i++) {
        ig_table_cell(&t, "%.4f", (double)j->order[i].score);
        ig_table_cell(&t, "%zu", j->order[i].index);
        ig_table_cell(&t, "%s", begin_of(text, j->t->texts.v[j->order[i].index]));
    }
    const ingot_status s = ig_table_print(&t, stdout, err);
    ig_table_clear(&t);
    return s;
}

/* ---- the command ---- */

static int best_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score > y->score) return -1;
    if (x->score < y->score) return 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static ingot_status check_model(const job *j, ig_cli *cli, ingot_error *err)
{
    if (j->t->info.classes == 1 || j->t->info.classes == 2) return INGOT_OK;
    const ingot_status s =
        j->t->info.width
            ? ig_fail(err, INGOT_E_UNSUPPORTED,
                      "%s: gives embeddings, not scores of pairs (`ingot embed` runs it)",
                      j->a->given.model)
            : ig_fail(err, INGOT_E_UNSUPPORTED,
                      "%s: tells %zu classes apart; ranking needs a model with 1 or 2",
                      j->a->given.model, j->t->info.classes);
    return ig_model_failed(cli, s);
}

static ingot_status rank(job *j, ingot_error *err)
{
    const size_t n = j->t->texts.n;
    const ingot_str query = {j->a->query, strlen(j->a->query)};
    j->scores = ig_arena_array(&j->t->texts.arena, n, sizeof *j->scores);
    j->order = ig_arena_array(&j->t->texts.arena, n, sizeof *j->order);
    if (!j->scores || !j->order)
        return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu documents", n);
    IG_TRY(ingot_embedder_rank(j->scores, j->t->texts.cut, j->t->e, query, j->t->texts.v, n, err));
    for (size_t i = 0; i < n; i++) j->order[i] = (ranked){i, j->scores[i]};
    qsort(j->order, n, sizeof *j->order, best_first);
    j->n_shown = j->a->top && (size_t)j->a->top < n ? (size_t)j->a->top : n;
    return INGOT_OK;
}

static ingot_status work(ig_text_job *t, ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    job j = {.a = a, .t = t};
    IG_TRY(check_model(&j, cli, err));
    IG_TRY(ig_text_job_take(t, NULL, &a->given, err));
    IG_TRY(rank(&j, err));
    ig_text_list_tell_cut(&t->texts, t->info.max_tokens);
    return a->given.json ? print_json(&j, err) : print_table(&j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    return ig_text_job_run(cli, given, (ingot_embedder_options){0}, work, err);
}

static const ig_operand operands[] = {
    {.name = "MODEL",
     .help = "an .ingot file of a cross-encoder with its tokenizer",
     .offset = offsetof(args, given.model)},
    {.name = "QUERY", .help = "what is asked", .offset = offsetof(args, query)},
    {.name = "DOC",
     .help = "documents",
     .offset = offsetof(args, given.texts),
     .optional = true,
     .many = true}};
static const ig_option options[] = {
    IG_TEXT_OPTIONS,
    {.name = "top",
     .arg = "N",
     .kind = IG_OPT_INT,
     .low = 0,
     .high = 1 << 30,
     .help = "show the best N only; 0: all",
     .offset = offsetof(args, top)},
};
static const ig_example examples[] = {
    {"ingot rerank reranker.ingot 'capital of France' 'Paris is its capital.' 'Lyon is old.'",
     "a table, best first"},
    {"ingot rerank reranker.ingot 'capital of France' -f passages.txt --top 3 --json",
     "the three best lines of a file"},
};

const ig_command ig_cmd_rerank = {
    .name = "rerank",
    .summary = "order documents by how well they answer a query",
    .about = "Runs a cross-encoder (a classifier of sequences with one class, or with two of which "
             "the second means relevant) on each pair of query and document. The score is the "
             "model's logit; --json adds its sigmoid as probability. A pair that is too long is "
             "cut, the longer text first, and a line on standard error says so.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
