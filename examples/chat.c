/* chat.c - a conversation with a language model, streamed as it is made.
 *
 *     chat MODEL.ingot [--plain]
 *
 * Each line of standard input is a turn. With --plain the model has no chat template: the text goes
 * on from turn to turn as it is. Ctrl-C stops an answer; between answers it ends the program. */
#include <ingot.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MOST = 1000, ANSWER_MOST = 512 };

typedef struct {
    ingot_message turns[TURNS_MOST];
    size_t n;
    char *text; /* --plain: all of it */
} talk;

static ingot_generation *volatile current; /* what Ctrl-C stops */

static void on_interrupt(int number)
{
    (void)number;
    if (!current) _Exit(130);
    ingot_generation_cancel(current);
}

static bool show(void *ud, const ingot_piece *piece)
{
    (void)ud;
    fwrite(piece->text.p, 1, piece->text.n, stdout);
    return fflush(stdout) == 0; /* nobody reads any more: cancel */
}

/* NULL: no memory. */
static char *joined(const char *a, const char *b, size_t n_b)
{
    const size_t n_a = a ? strlen(a) : 0;
    char *both = malloc(n_a + n_b + 1);
    if (!both) return NULL;
    if (a) memcpy(both, a, n_a);
    memcpy(both + n_a, b, n_b);
    both[n_a + n_b] = 0;
    return both;
}

/* Appends to the conversation; false: no memory or too many turns. */
static bool add(talk *t, const char *role, const char *text, size_t n, bool plain)
{
    char *copy = joined(plain ? t->text : NULL, text, n);
    if (!copy) return false;
    if (plain) {
        free(t->text);
        t->text = copy;
        return true;
    }
    if (t->n == TURNS_MOST) {
        free(copy);
        return false;
    }
    t->turns[t->n++] = (ingot_message){.role = role, .content = copy};
    return true;
}

static ingot_status answer(ingot_generator *g, talk *t, bool plain, ingot_error *err)
{
    ingot_result r;
    ingot_generation *one;
    ingot_request ask = {.size = sizeof ask,
                         .text = plain ? t->text : NULL,
                         .messages = plain ? NULL : t->turns,
                         .n_messages = plain ? 0 : t->n,
                         .max_tokens = ANSWER_MOST,
                         .cut =
                             INGOT_CUT_OLDEST, /* the oldest turns go, the system message stays */
                         .piece = show};
    ingot_generator_sampling(&ask.sampling, g);
    ingot_status s = ingot_generator_submit(&one, g, &ask, err);
    if (s) return s;
    current = one;
    s = ingot_generation_wait(&r, one, err);
    current = NULL;
    putchar('\n');
    if (!s && r.truncated_tokens)
        fprintf(stderr, "[truncated: the oldest %zu tokens]\n", r.truncated_tokens);
    if (!s && !add(t, "assistant", r.text.p, r.text.n, plain)) s = INGOT_E_NOMEM;
    ingot_generation_close(&one);
    return s;
}

int main(int argc, char **argv)
{
    ingot_error err = {.status = INGOT_OK};
    ingot_runtime *rt = NULL;
    ingot_model *model = NULL;
    ingot_generator *g = NULL;
    static talk t;
    static char line[1 << 16];
    const bool plain = argc > 2 && !strcmp(argv[2], "--plain");
    if (argc < 2) {
        fputs("usage: chat MODEL.ingot [--plain]\n", stderr);
        return 2;
    }
    signal(SIGINT, on_interrupt);
    ingot_status s = ingot_runtime_open(&rt, NULL, &err);
    if (!s) s = ingot_model_open(&model, rt, argv[1], NULL, &err);
    if (!s) s = ingot_generator_open(&g, model, NULL, &err);
    while (!s && fgets(line, sizeof line, stdin)) {
        if (!add(&t, "user", line, strcspn(line, "\n"), plain)) break;
        s = answer(g, &t, plain, &err);
    }
    if (s) fprintf(stderr, "chat: %s\n", err.text);
    if (g) ingot_generator_close(&g);
    if (model) ingot_model_close(&model);
    if (rt) ingot_runtime_close(&rt);
    for (size_t i = 0; i < t.n; i++) free((char *)t.turns[i].content);
    free(t.text);
    return s ? 1 : 0;
}
