/* chat.c - a conversation: each line of standard input is a turn, the answer is streamed. */
#include "tools/generate/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    ingot_message *v;
    size_t n, cap;
} turns;

static ingot_status add(turns *t, ig_arena *arena, const char *role, const char *text, size_t n,
                        ingot_error *err)
{
    if (t->n == t->cap) {
        const size_t cap = t->cap ? 2 * t->cap : 16;
        ingot_message *v = ig_new_n(arena, ingot_message, cap);
        if (!v) return ig_fail(err, INGOT_E_NOMEM, "chat: no memory");
        if (t->n) memcpy(v, t->v, t->n * sizeof *v);
        t->v = v;
        t->cap = cap;
    }
    const char *content = ig_arena_text(arena, text, n);
    if (!content) return ig_fail(err, INGOT_E_NOMEM, "chat: no memory");
    t->v[t->n++] = (ingot_message){.role = role, .content = content};
    return INGOT_OK;
}

static ingot_status answer(ig_generate *j, turns *t, ingot_error *err)
{
    ingot_generation *one;
    ingot_result r;
    j->ask.messages = t->v;
    j->ask.n_messages = t->n;
    ingot_status s = ig_generate_answer(j, &one, &r, err);
    if (one) {
        ig_generate_notes(j, &r);
        if (!s && j->a->stats) ig_generate_stats(j, &r);
        if (!s) s = add(t, &j->arena, "assistant", r.text.p, r.text.n, err);
    }
    ingot_generation_close(&one);
    return s;
}

static ingot_status turn(ig_generate *j, turns *t, const char *text, size_t n, ingot_error *err)
{
    IG_TRY(add(t, &j->arena, "user", text, n, err));
    return answer(j, t, err);
}

ingot_status ig_generate_chat(ig_generate *j, ingot_error *err)
{
    const bool prompt = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !j->a->quiet;
    const char *first = j->text.n ? (const char *)j->text.p : j->a->text;
    turns t = {0};
    char *line = NULL;
    size_t room = 0;
    ingot_status s = INGOT_OK;
    if (j->a->system) s = add(&t, &j->arena, "system", j->a->system, strlen(j->a->system), err);
    if (!s && first) s = turn(j, &t, first, j->text.n ? j->text.n : strlen(first), err);
    while (!s) {
        if (prompt) fputs("> ", stdout), fflush(stdout);
        ssize_t n = getline(&line, &room, stdin);
        if (n < 0) break;
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
        if (n) s = turn(j, &t, line, (size_t)n, err);
    }
    if (!s && ferror(stdin)) s = ig_fail(err, INGOT_E_IO, "standard input could not be read");
    free(line);
    return s;
}
