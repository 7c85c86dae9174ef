/* texts.h - the texts that `embed` and `rerank` are given, and an embedder over a model file. */
#ifndef IG_TOOL_TEXTS_H
#define IG_TOOL_TEXTS_H

#include "runtime/base/arena.h"
#include "tools/model/open.h"

typedef struct {
    ig_arena arena; /* of the texts */
    ingot_str *v;
    size_t n, cap;
    size_t *cut; /* [n] tokens that had no room, once ig_text_list_ready was called */
} ig_text_list;

void ig_text_list_init(ig_text_list *t, ig_heap *heap);
void ig_text_list_clear(ig_text_list *t);

/* ig_text_list_words, ig_text_list_lines - append copies, each behind `prefix`: of arguments; of
 * the lines of a file ("-": standard input), whose line ends (LF, CR LF) go. Errors: E_IO, E_NOMEM.
 */
ingot_status ig_text_list_words(ig_text_list *t, const char *prefix, const ig_words *words,
                                ingot_error *err);
ingot_status ig_text_list_lines(ig_text_list *t, const char *prefix, const char *path,
                                ingot_error *err);

/* ig_text_list_ready - room for t->cut. E_NOMEM; E_ARG: there is no text. */
ingot_status ig_text_list_ready(ig_text_list *t, ingot_error *err);

/* ig_text_list_tell_cut - on standard error, which texts lost tokens. Never silent. */
void ig_text_list_tell_cut(const ig_text_list *t, size_t most);

/* ig_open_embedder - exit code 3 where the model is not one for it. */
ingot_status ig_open_embedder(ingot_embedder **e, ig_cli *cli, const ig_opened *o, const char *path,
                              const ingot_embedder_options *options, ingot_error *err);

/* ---- what `embed` and `rerank` are made of ---- */

typedef struct { /* of both command lines; their first member, `given` */
    const char *model, *file;
    ig_words texts;
    int64_t threads, max_tokens;
    ig_device_args device;
    int math;
    bool json;
} ig_text_args;

#define IG_TEXT_OPTIONS                                                                        \
    {.name = "file",                                                                           \
     .letter = 'f',                                                                            \
     .arg = "F",                                                                               \
     .kind = IG_OPT_FILE,                                                                      \
     .help = "also every line of a file; -: of standard input",                                \
     .offset = offsetof(ig_text_args, file)},                                                  \
        {.name = "max-tokens",                                                                 \
         .arg = "N",                                                                           \
         .kind = IG_OPT_INT,                                                                   \
         .low = 0,                                                                             \
         .high = 1 << 20,                                                                      \
         .help = "cut what is longer (of a pair the longer text); 0: at what the model takes", \
         .offset = offsetof(ig_text_args, max_tokens)},                                        \
        IG_OPTION_MATH(ig_text_args), IG_OPTION_THREADS(ig_text_args),                         \
        IG_OPTIONS_DEVICE(ig_text_args), IG_OPTION_JSON(ig_text_args)

typedef struct {
    ig_opened o;
    ingot_embedder *e;
    ingot_embedder_info info;
    ig_text_list texts;
} ig_text_job;

/* ig_text_job_run - opens the model and its embedder, with `options` beside what is given, calls
 * `work`, closes all. a: the command's arguments, whose first member is ig_text_args; work(job,
 * cli, a, err) gets them as they are. */
typedef ingot_status ig_text_work_fn(ig_text_job *j, ig_cli *cli, const void *a, ingot_error *err);
ingot_status ig_text_job_run(ig_cli *cli, const void *a, ingot_embedder_options options,
                             ig_text_work_fn *work, ingot_error *err);

/* ig_text_job_take - all texts of the command line: words, and the lines of a file, each behind
 * `prefix` (NULL: nothing). */
ingot_status ig_text_job_take(ig_text_job *j, const char *prefix, const ig_text_args *a,
                              ingot_error *err);

#endif
