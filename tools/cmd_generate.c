/* cmd_generate.c - `ingot generate`: text from a language model, streamed. */
#include "runtime/base/clock.h"
#include "tools/data/npy.h"
#include "tools/generate/generate.h"

#include <string.h>
#include <unistd.h>

typedef ig_generate_args args;

static const char *const kv_types[] = {"auto", "f32", "f16", "bf16", "i8", "fp8", NULL};

/* ---- opening ---- */

static ingot_status check_args(const args *a, ingot_error *err)
{
    const int prompts = (a->text != NULL) + (a->file != NULL) + (a->ids != NULL);
    if (prompts > 1) return ig_fail(err, INGOT_E_ARG, "give one of -p, -f and --ids");
    if (!prompts && !a->chat)
        return ig_fail(err, INGOT_E_ARG, "give a prompt (-p TEXT, -f FILE, --ids 1,2,3) or --chat");
    if (a->chat && (a->ids || a->json || a->logits || a->session || a->print_ids))
        return ig_fail(err, INGOT_E_ARG,
                       "--chat does not go with --ids, --json, --logits, --print-ids or --session");
    if (a->system && !a->chat) return ig_fail(err, INGOT_E_ARG, "--system goes with --chat");
    if (a->logits && !a->ids) return ig_fail(err, INGOT_E_ARG, "--logits goes with --ids");
    if (a->logits && a->session)
        return ig_fail(err, INGOT_E_ARG, "--logits does not go with --session");
    return INGOT_OK;
}

static ingot_status open_draft(ig_generate *j, ingot_error *err)
{
    if (!j->a->draft) return INGOT_OK;
    return ig_model_failed(j->cli, ingot_model_open(&j->draft, j->o.rt, j->a->draft, NULL, err));
}

static ingot_status open_generator(ig_generate *j, ingot_error *err)
{
    const args *a = j->a;
    ingot_session_options where = {0};
    IG_TRY(ig_device_given(&where, &a->device, err));
    const ingot_generator_options o = {
        .size = sizeof o,
        .device = where.device,
        .device_bytes = where.device_bytes,
        .device_fraction = where.device_fraction,
        .context = (size_t)a->context,
        .kv_bytes = (size_t)a->kv_bytes,
        .kv_type = (ingot_kv_type)a->kv_type,
        .page_tokens = (size_t)a->page_tokens,
        .chunk = a->chunk < 0    ? 0
                 : a->chunk == 0 ? SIZE_MAX
                                 : (size_t)a->chunk,
        .max_sequences = 1,
        .fast_math = a->math == 1,
        .draft = j->draft,
        .draft_tokens = (size_t)a->draft_tokens,
        .lookup = (size_t)a->lookup,
        .kv_spare_bytes = (size_t)a->kv_spare,
        .ranks = (size_t)a->ranks,
    };
    const ingot_status s = ingot_generator_open(&j->g, j->o.model, &o, err);
    if (s == INGOT_E_UNSUPPORTED || s == INGOT_E_FORMAT) ig_wrap(err, s, "%s", a->model);
    return s;
}

/* ---- sessions: what an earlier call ended with comes before the prompt ---- */

static ingot_status restore(ig_generate *j, ingot_error *err)
{
    const int32_t *ids;
    size_t n;
    if (!j->a->session || access(j->a->session, F_OK)) return INGOT_OK;
    IG_TRY(ingot_generator_restore(&ids, &n, j->g, j->a->session, err));
    int32_t *all = ig_new_n(&j->arena, int32_t, n + j->n_ids);
    if (!all) return ig_fail(err, INGOT_E_NOMEM, "session: no memory");
    memcpy(all, ids, n * sizeof *all);
    if (j->n_ids) memcpy(all + n, j->ids, j->n_ids * sizeof *all);
    j->ids = all;
    j->n_ids += n;
    return INGOT_OK;
}

static ingot_status save(ig_generate *j, const ingot_result *r, ingot_error *err)
{
    if (!j->a->session) return INGOT_OK;
    return ingot_generator_save(j->g, j->a->session, r->ids, r->n_ids, err);
}

/* ---- one answer ---- */

static ingot_status write_logits(ig_generate *j, ingot_error *err)
{
    if (!j->logits) return INGOT_OK;
    const ig_array array = {.dtype = INGOT_F32,
                            .rank = 2,
                            .dims = {(int64_t)j->n_ids, (int64_t)j->vocab},
                            .data = j->logits,
                            .bytes = j->logits_bytes};
    return ig_npy_write(j->a->logits, &array, &j->cli->heap, err);
}

static ingot_status tell(ig_generate *j, const ingot_result *r, ingot_error *err)
{
    const args *a = j->a;
    ig_generate_notes(j, r);
    IG_TRY(write_logits(j, err));
    IG_TRY(save(j, r, err));
    if (a->json) return ig_generate_json(j, r, err);
    if (a->logprobs >= 0) IG_TRY(ig_generate_logprobs(j, r, err));
    if (a->print_ids) ig_generate_ids(r);
    if (a->stats) ig_generate_stats(j, r);
    return INGOT_OK;
}

static ingot_status once(ig_generate *j, ingot_error *err)
{
    ingot_generation *t;
    ingot_result r;
    j->ask.ids = j->n_ids ? j->ids : NULL;
    j->ask.n_ids = j->n_ids;
    j->ask.text = j->text.n ? (const char *)j->text.p : j->a->text;
    j->ask.n_text = j->text.n;
    ingot_status s = ig_generate_answer(j, &t, &r, err);
    if (!s) s = tell(j, &r, err);
    ingot_generation_close(&t);
    return s;
}

static ingot_status run_job(ig_generate *j, ingot_error *err)
{
    const args *a = j->a;
    const ig_open_options how = {.threads = a->threads, .quiet = a->quiet};
    const uint64_t begin = ig_now_ns();
    IG_TRY(check_args(a, err));
    IG_TRY(ig_open_model(&j->o, j->cli, a->model, &how, err));
    j->heap = &j->o.rt->heap;
    IG_TRY(open_draft(j, err));
    IG_TRY(open_generator(j, err));
    j->open_s = 1e-9 * (double)(ig_now_ns() - begin);
    IG_TRY(ig_generate_prompt(j, err));
    IG_TRY(restore(j, err));
    IG_TRY(ig_generate_ask(j, err));
    return a->chat ? ig_generate_chat(j, err) : once(j, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    ig_generate j = {.a = given, .cli = cli};
    ig_arena_init(&j.arena, &cli->heap);
    ig_bytes_init(&j.text, &cli->heap);
    ig_bytes_init(&j.rule, &cli->heap);
    const ingot_status s = run_job(&j, err);
    if (j.logits) ig_give(j.heap, j.logits, j.logits_bytes);
    ingot_generator_close(&j.g);
    if (j.draft) ingot_model_close(&j.draft);
    ig_bytes_clear(&j.text);
    ig_bytes_clear(&j.rule);
    ig_arena_clear(&j.arena);
    ig_close_model(&j.o);
    return s;
}

/* ---- the table ---- */

#define TEXT(n, l, v, field, h)                                           \
    {                                                                     \
        .name = n, .letter = l, .arg = v, .kind = IG_OPT_TEXT, .help = h, \
        .offset = offsetof(args, field)                                   \
    }
#define FILE_(n, l, v, field, h)                                          \
    {                                                                     \
        .name = n, .letter = l, .arg = v, .kind = IG_OPT_FILE, .help = h, \
        .offset = offsetof(args, field)                                   \
    }
#define FLAG(n, field, h)                                                          \
    {                                                                              \
        .name = n, .kind = IG_OPT_FLAG, .help = h, .offset = offsetof(args, field) \
    }
#define NUMBER(n, l, field, lo, hi, h)                                                            \
    {                                                                                             \
        .name = n, .letter = l, .arg = "N", .kind = IG_OPT_INT, .low = lo, .high = hi, .help = h, \
        .offset = offsetof(args, field)                                                           \
    }
#define REAL(n, field, lo, hi, h)                                                      \
    {                                                                                  \
        .name = n, .arg = "X", .kind = IG_OPT_FLOAT, .low = lo, .high = hi, .help = h, \
        .offset = offsetof(args, field)                                                \
    }
#define LIST(n, v, field, h)                                                                 \
    {                                                                                        \
        .name = n, .arg = v, .kind = IG_OPT_LIST, .help = h, .offset = offsetof(args, field) \
    }

static const ig_operand operands[] = {{.name = "MODEL",
                                       .help = "an .ingot file of a language model",
                                       .offset = offsetof(args, model)}};
// clang-format off
static const ig_option options[] = {
    TEXT("prompt", 'p', "TEXT", text, "the text to go on from; with --chat the first turn"),
    FILE_("file", 'f', "F", file, "take the prompt from a file, without its last newlines; -: from standard input"),
    FLAG("chat", chat, "a conversation: each line of standard input is a turn; the model's chat template is used"),
    TEXT("system", 0, "TEXT", system, "the system message of a conversation"),
    TEXT("ids", 0, "1,2,3", ids, "the prompt as token ids, taken as they are"),
    FLAG("raw", raw, "special tokens written in the prompt are text, and no token that begins a text is added"),
    NUMBER("tokens", 'n', n, -1, 1e9, "tokens of the answer at most; 0: only compute the prompt; -1: until the context is full"),
    REAL("temp", temp, -1, 100, "temperature; 0: the likeliest token each time; -1: what the model's makers recommend, else 0.8"),
    NUMBER("top-k", 0, top_k, -1, 1e9, "draw from the N likeliest tokens; 0: from all; -1: as recommended"),
    REAL("top-p", top_p, -1, 1, "draw from the likeliest tokens that have this probability together; 1: all; -1: as recommended"),
    REAL("min-p", min_p, -1, 1, "drop tokens less likely than this share of the likeliest one; -1: as recommended"),
    REAL("typical-p", typical_p, 0, 1, "draw from tokens of typical information that have this probability together; 0: all"),
    REAL("repetition-penalty", repetition, -1, 100, "more than 1: what occurred becomes less likely; -1: as recommended"),
    REAL("presence-penalty", presence, -100, 100, "taken from the logits of tokens that occur in the answer"),
    REAL("frequency-penalty", frequency, -100, 100, "the same for each time that they occur"),
    NUMBER("penalty-window", 0, penalty_window, 0, 1e9, "the last tokens that penalties look at; 0: all"),
    LIST("bias", "ID=X", bias, "added to the logit of a token; may be given again and again"),
    NUMBER("seed", 0, seed, -1, 9e15, "the same seed gives the same answer; -1: taken from the clock"),
    LIST("stop", "TEXT", stop, "the answer ends before this text; may be given again and again"),
    FILE_("json-schema", 0, "F", schema, "the answer is JSON of the schema in this file"),
    FILE_("grammar", 0, "F", grammar, "the answer is of the grammar (GBNF) in this file"),
    FLAG("ignore-eos", ignore_eos, "go on past the model's end-of-text tokens"),
    NUMBER("logprobs", 0, logprobs, -1, 64, "also print the answer's log probabilities, and those of the N likeliest tokens"),
    FLAG("print-ids", print_ids, "also print the answer's token ids, comma-separated, on the last line"),
    FILE_("logits", 0, "F.npy", logits, "write the prompt's logits, float32 [tokens, vocabulary]"),
    NUMBER("max-context", 0, context, 0, 2147483647, "tokens of prompt and answer together; 0: what the model knows"),
    FLAG("truncate", truncate, "leave out the oldest part of a prompt that is too long, and say so; of a conversation never the system message"),
    NUMBER("keep-last", 0, keep_last, 1, 1e6, "messages at the end of a conversation that --truncate never leaves out"),
    FLAG("shift", shift, "when the context is full, forget the older half, compute the rest again and go on"),
    FILE_("session", 0, "F", session, "go on where the call that wrote this file ended, and write it again"),
    FILE_("draft", 0, "D", draft, "a smaller model with the same vocabulary, whose guesses are checked several at once; the answer stays the same"),
    NUMBER("draft-tokens", 0, draft_tokens, 0, 64, "its guesses at a time; 0: 4"),
    NUMBER("lookup", 0, lookup, 0, 64, "guess that N tokens follow as they did earlier in the text; the answer stays the same; 0: off"),
    NUMBER("prefill-chunk", 0, chunk, -1, 2147483647, "tokens of the prompt that are computed at a time; 0: all at once; -1: 512"),
    {.name = "kv-dtype", .arg = "T", .kind = IG_OPT_CHOICE, .choices = kv_types, .help = "type of the cached keys and values; auto: that of the weights, f16 for quantized ones; fp8: on devices only", .offset = offsetof(args, kv_type)},
    {.name = "kv-bytes", .arg = "B", .kind = IG_OPT_SIZE, .help = "memory for keys and values, as 512M or 2G; 0: for one context, at most a quarter of the machine's", .offset = offsetof(args, kv_bytes)},
    {.name = "kv-spare", .arg = "B", .kind = IG_OPT_SIZE, .help = "host memory for pages of keys and values that had to give way, as 2G; 0: none", .offset = offsetof(args, kv_spare)},
    NUMBER("page-tokens", 0, page_tokens, 0, 65536, "tokens of a page of the cache, a multiple of 16; 0: 64"),
    IG_OPTION_MATH(args),
    NUMBER("tensor-parallel", 0, ranks, 1, 64, "divide heads and hidden columns among N ranks, each with its part of the threads and weights; sums are in another order"),
    IG_OPTION_THREADS(args),
    IG_OPTIONS_DEVICE(args),
    FLAG("stats", stats, "tell speeds, the time to the first token and memory on standard error"),
    IG_OPTION_JSON(args),
    IG_OPTION_QUIET(args),
};
// clang-format on
static const ig_example examples[] = {
    {"ingot generate m.ingot -p 'Once upon a time' -n 100 --temp 0", "go on from a text"},
    {"ingot generate m.ingot --chat --system 'Answer briefly.'", "talk"},
    {"ingot generate m.ingot -f long.txt --stats --json", "with speeds, as JSON"},
    {"ingot generate m.ingot --ids 1,2,3 -n 0 --logits out.npy", "what the model thinks of a text"},
};
static const args defaults = {.n = 128,
                              .ranks = 1,
                              .temp = -1,
                              .top_k = -1,
                              .top_p = -1,
                              .min_p = -1,
                              .repetition = -1,
                              .seed = -1,
                              .logprobs = -1,
                              .keep_last = 1,
                              .chunk = -1};

const ig_command ig_cmd_generate = {
    .name = "generate",
    .summary = "let a language model go on from a text, or talk with it",
    .about =
        "The answer is streamed to standard output in whole characters; notes and --stats go to "
        "standard error. Ctrl-C ends an answer (exit code 130).\n\n"
        "A prompt that is longer than the context is an error, exit code 4, unless --truncate is "
        "given; what was left out is always said, and `truncated` in the JSON. Memory for keys and "
        "values is taken as it is used, up to --kv-bytes.\n\n"
        "The answer is bitwise the same for every --prefill-chunk, --threads, --draft and --lookup "
        "and on every processor, unless --math fast is given.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, &defaults),
    .run = run,
};
