/* llm_scheduler.c - requests that are cancelled, late, more important, unfairly many, too large:
 * each ends as it should, and the others go on. */
#include "tests/llm/gate.h"
#include "tests/llm/tiny.h"
#include "runtime/base/clock.h"

#include <stdatomic.h>
#include <unistd.h>

typedef struct {
    ingot_runtime *rt;
    ingot_model *model;
    ingot_generator *g;
    ingot_error err;
} world;

static void open_world(world *w, const ingot_generator_options *o, const tiny_shape *shape)
{
    ingot_error err;
    const ingot_runtime_options rt = {.size = sizeof rt, .n_threads = 1};
    const char *path = tiny_file(shape ? shape : &tiny_default, 0);
    check_ok(ingot_runtime_open(&w->rt, &rt, &err));
    check_ok(ingot_model_open(&w->model, w->rt, path, NULL, &err));
    unlink(path);
    check_ok(ingot_generator_open(&w->g, w->model, o, &err));
}

static void close_world(world *w)
{
    ingot_generator_close(&w->g);
    ingot_model_close(&w->model);
    ingot_runtime_close(&w->rt);
}

static const int32_t words[] = {5, 9, 17, 33, 65, 9, 2, 11};

static ingot_request asking(size_t n)
{
    return (ingot_request){
        .size = sizeof(ingot_request), .ids = words, .n_ids = IG_LEN(words), .max_tokens = n};
}

static ingot_generation *submit(world *w, const ingot_request *r)
{
    ingot_generation *t;
    ingot_error err;
    check_ok(ingot_generator_submit(&t, w->g, r, &err));
    return t;
}

static ingot_result finish(ingot_generation *t, ingot_finish want)
{
    ingot_result r;
    ingot_error err;
    const ingot_status s = ingot_generation_wait(&r, t, &err);
    if (r.finish != want) fail_msg("it ended with %s", ingot_finish_text(r.finish));
    assert_int_equal(s != INGOT_OK, want == INGOT_FINISH_ERROR);
    return r;
}

/* ---- callbacks that count ---- */

typedef struct {
    atomic_size_t n; /* tokens seen */
    size_t stop_at;  /* then the callback wants no more; 0: never */
    ingot_generation **cancel;
    uint64_t done_at;
    atomic_bool done;
} watcher;

static bool watch(void *ud, const ingot_piece *piece)
{
    watcher *v = ud;
    const size_t n = atomic_fetch_add(&v->n, piece->n_tokens) + piece->n_tokens;
    if (v->cancel && n >= 5) ingot_generation_cancel(*v->cancel);
    return !v->stop_at || n < v->stop_at;
}

static void note_done(void *ud)
{
    watcher *v = ud;
    v->done_at = ig_now_ns();
    atomic_store(&v->done, true);
}

/* ---- tests ---- */

static void ends(void **unused)
{
    (void)unused;
    world w;
    const ingot_generator_options o = {.size = sizeof o};
    open_world(&w, &o, NULL);
    watcher v = {.stop_at = 7};
    ingot_request r = asking(0);
    r.shift = true; /* without end */
    r.piece = watch;
    r.done = note_done;
    r.ud = &v;
    ingot_generation *t = submit(&w, &r);
    const ingot_result a = finish(t, INGOT_FINISH_CANCELLED); /* by its callback */
    assert_in_range(a.n_tokens, 7, 8);
    assert_true(atomic_load(&v.done));
    assert_true(a.queue_ns + a.prefill_ns + a.decode_ns > 0);
    ingot_generation_close(&t);

    watcher other = {.stop_at = 0};
    r.ud = &other;
    t = submit(&w, &r);
    while (atomic_load(&other.n) < 20) usleep(100);
    ingot_generation_cancel(t); /* by another thread, in the middle */
    assert_true(finish(t, INGOT_FINISH_CANCELLED).n_tokens >= 20);
    ingot_generation_close(&t);

    size_t told = 0;
    for (uint64_t ms = 10; !told; ms *= 2) { /* until one is so late that it comes in the middle */
        r.deadline_ns = ig_now_ns() + ms * 1000000;
        t = submit(&w, &r);
        told = finish(t, INGOT_FINISH_DEADLINE).n_tokens;
        assert_true(ig_now_ns() >= r.deadline_ns);
        ingot_generation_close(&t);
    }
    r.deadline_ns = 1; /* long past */
    t = submit(&w, &r);
    assert_int_equal(finish(t, INGOT_FINISH_DEADLINE).n_tokens, 0);
    ingot_generation_close(&t);

    r.deadline_ns = 0;
    t = submit(&w, &r);
    ingot_generation_close(&t); /* closing is cancelling */
    r = asking(0);
    t = submit(&w, &r);
    const ingot_result full = finish(t, INGOT_FINISH_LENGTH);
    assert_int_equal(full.n_ids, 512); /* the context */
    assert_int_equal(full.n_tokens, 512 - IG_LEN(words));
    ingot_generation_close(&t);
    close_world(&w);
}

/* Cancelling one among many leaves the others as they are. */
static void one_of_many(void **unused)
{
    (void)unused;
    world w;
    const ingot_generator_options o = {.size = sizeof o};
    enum { N = 8 };
    ingot_generation *t[N];
    open_world(&w, &o, NULL);
    ingot_request r = asking(100);
    ingot_generation *alone = submit(&w, &r);
    const ingot_result want = finish(alone, INGOT_FINISH_LENGTH);
    watcher v = {.cancel = &t[3]};
    for (size_t i = 0; i < N; i++) {
        ingot_request one = asking(100);
        if (i == 3) one.max_tokens = 0, one.shift = true;
        if (i == 7) one.piece = watch, one.ud = &v;
        t[i] = submit(&w, &one);
    }
    for (size_t i = 0; i < N; i++) {
        if (i == 3) {
            finish(t[i], INGOT_FINISH_CANCELLED);
            continue;
        }
        const ingot_result got = finish(t[i], INGOT_FINISH_LENGTH);
        assert_int_equal(got.n_tokens, 100);
        for (size_t k = 0; k < 100; k++) assert_int_equal(got.tokens[k].id, want.tokens[k].id);
    }
    for (size_t i = 0; i < N; i++) ingot_generation_close(&t[i]);
    ingot_generation_close(&alone);
    close_world(&w);
}

/* With room for one sequence, who is first served: the more important, though it came last. */
static void priorities(void **unused)
{
    (void)unused;
    world w;
    const ingot_generator_options o = {.size = sizeof o, .max_sequences = 1};
    open_world(&w, &o, NULL);
    watcher low = {.n = 0}, high = {.n = 0};
    ingot_request r = asking(0);
    r.shift = true;
    r.piece = watch;
    r.ud = &low;
    ingot_generation *first = submit(&w, &r);
    while (!atomic_load(&low.n)) usleep(50);
    ingot_request h = asking(40);
    h.priority = 5;
    h.ud = &high;
    h.piece = watch;
    ingot_generation *second = submit(&w, &h);
    finish(second, INGOT_FINISH_LENGTH); /* else the first would never have let it in */
    ingot_generation_cancel(first);
    const ingot_result a = finish(first, INGOT_FINISH_CANCELLED);
    assert_true(a.preempted >= 1);
    ingot_generation_close(&first);
    ingot_generation_close(&second);
    close_world(&w);
}

/* A tenant with one request is not behind the thirty of another. */
static void fairness(void **unused)
{
    (void)unused;
    world w;
    enum { MANY = 30 };
    const ingot_generator_options o = {.size = sizeof o, .max_sequences = 2};
    open_world(&w, &o, NULL);
    ingot_generation *t[MANY];
    watcher v[MANY] = {{0}}, mine = {0};
    gate all_in = {0};
    ingot_request held = asking(1);
    held.piece = gate_wait;
    held.ud = &all_in;
    ingot_generation *first = submit(&w, &held);
    for (size_t i = 0; i < MANY; i++) {
        ingot_request r = asking(60);
        r.tenant = "greedy";
        r.done = note_done;
        r.ud = &v[i];
        t[i] = submit(&w, &r);
    }
    ingot_request r = asking(60);
    r.tenant = "modest";
    r.done = note_done;
    r.ud = &mine;
    ingot_generation *one = submit(&w, &r);
    gate_open(&all_in);
    finish(first, INGOT_FINISH_LENGTH);
    finish(one, INGOT_FINISH_LENGTH);
    size_t later = 0;
    for (size_t i = 0; i < MANY; i++) {
        finish(t[i], INGOT_FINISH_LENGTH);
        later += v[i].done_at > mine.done_at;
        ingot_generation_close(&t[i]);
    }
    assert_true(later >= MANY / 2);
    ingot_generation_close(&first);
    ingot_generation_close(&one);
    close_world(&w);
}

static void refuse(world *w, ingot_status status, const char *text, const ingot_request *r)
{
    ingot_generation *t;
    assert_int_equal(ingot_generator_submit(&t, w->g, r, &w->err), status);
    assert_null(t);
    if (!strstr(w->err.text, text)) fail_msg("'%s' does not say '%s'", w->err.text, text);
}

static void refusals(void **unused)
{
    (void)unused;
    world w;
    const ingot_generator_options o = {.size = sizeof o};
    open_world(&w, &o, NULL);
    ingot_request r = asking(1);
    static int32_t long_ids[600];
    r.n_ids = 0;
    refuse(&w, INGOT_E_DATA, "empty", &r);
    r.ids = long_ids;
    r.n_ids = 512;
    refuse(&w, INGOT_E_DATA, "512 tokens", &r);
    r.ids = (int32_t[]){1, 96};
    r.n_ids = 2;
    refuse(&w, INGOT_E_DATA, "token 1 of the prompt is 96", &r);
    r.ids = (int32_t[]){1, -1};
    refuse(&w, INGOT_E_DATA, "is -1", &r);
    r = asking(1);
    r.ids = NULL;
    refuse(&w, INGOT_E_ARG, "a text, ids or both", &r);
    r.text = "words";
    refuse(&w, INGOT_E_UNSUPPORTED, "tokenizer", &r);
    r.text = NULL;
    r.messages = &(ingot_message){"user", "hello"};
    r.n_messages = 1;
    refuse(&w, INGOT_E_UNSUPPORTED, "tokenizer", &r);
    r = asking(1);
    r.sampling.temperature = -1;
    refuse(&w, INGOT_E_ARG, "temperature", &r);
    r = asking(1);
    r.size = 3;
    refuse(&w, INGOT_E_ARG, "size", &r);
    r = asking(1);
    r.stop = &(ingot_str){"x", 1};
    r.n_stop = 1;
    refuse(&w, INGOT_E_UNSUPPORTED, "tokenizer", &r);
    close_world(&w);
}

/* As many wait as may, whether they are in the inbox, on their way or in the queue. */
static void a_full_queue(void **unused)
{
    (void)unused;
    world w;
    enum { MOST = 3 };
    const ingot_generator_options o = {.size = sizeof o, .max_queue = MOST, .max_sequences = 1};
    open_world(&w, &o, NULL);
    gate steps = {0};
    ingot_generator_info info;
    ingot_generation *t[1 + MOST];
    ingot_request r = asking(0), next = asking(1);
    r.shift = true; /* without end */
    r.piece = gate_wait;
    r.ud = &steps;
    t[0] = submit(&w, &r);
    gate_reached(&steps, 1); /* in its first step: it runs, nobody waits */
    for (size_t i = 1; i < MOST; i++) t[i] = submit(&w, &next);
    gate_open_once(&steps);
    gate_reached(&steps, 2); /* in its second: they are out of the inbox */
    t[MOST] = submit(&w, &next);
    refuse(&w, INGOT_E_FULL, "3 requests wait already, the limit is 3", &next);
    ingot_generator_get_info(&info, w.g);
    assert_int_equal(info.running, 1);
    assert_int_equal(info.waiting, MOST);
    gate_open_once(&steps);
    gate_reached(&steps, 3); /* all three are out of it */
    refuse(&w, INGOT_E_FULL, "3 requests wait already, the limit is 3", &next);
    ingot_generation_cancel(t[0]);
    gate_open(&steps);
    finish(t[0], INGOT_FINISH_CANCELLED);
    for (size_t i = 1; i <= MOST; i++) finish(t[i], INGOT_FINISH_LENGTH);
    ingot_generator_get_info(&info, w.g); /* who has ended is counted as that at once */
    assert_int_equal(info.running + info.waiting, 0);
    assert_int_equal(info.answer_tokens, 3 + MOST);
    for (size_t i = 0; i <= MOST; i++) ingot_generation_close(&t[i]);
    close_world(&w);
}

static void bad_options(void **unused)
{
    (void)unused;
    world w;
    ingot_generator *g;
    const ingot_generator_options fine = {.size = sizeof fine};
    open_world(&w, &fine, NULL);
    static const struct {
        ingot_generator_options o;
        const char *says;
    } cases[] = {
        {{.context = 513}, "knows 512"},
        {{.page_tokens = 17}, "16"},
        {{.kv_bytes = 100}, "budget"},
        {{.context = 512, .kv_bytes = 20000, .page_tokens = 16}, "needs a cache"},
        {{.kv_type = 9}, "kv_type"},
        {{.max_sequences = 100000}, "max_sequences"},
        {{.lookup = 1000}, "lookup"},
    };
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        ingot_generator_options o = cases[i].o;
        o.size = sizeof o;
        assert_int_equal(ingot_generator_open(&g, w.model, &o, &w.err), INGOT_E_ARG);
        assert_null(g);
        if (!strstr(w.err.text, cases[i].says)) fail_msg("%zu: %s", i, w.err.text);
    }
    tiny_shape other = tiny_default;
    other.vocab = 95;
    const char *path = tiny_file(&other, 1);
    ingot_model *draft;
    ingot_error err;
    check_ok(ingot_model_open(&draft, w.rt, path, NULL, &err));
    unlink(path);
    const ingot_generator_options o = {.size = sizeof o, .draft = draft};
    assert_int_equal(ingot_generator_open(&g, w.model, &o, &w.err), INGOT_E_ARG);
    assert_non_null(strstr(w.err.text, "vocabulary of 95"));
    ingot_model_close(&draft);
    close_world(&w);
}

/* An end-of-text token ends an answer, unless it is to be ignored. */
static void end_of_text(void **unused)
{
    (void)unused;
    world w;
    const ingot_generator_options o = {.size = sizeof o};
    open_world(&w, &o, NULL);
    ingot_request r = asking(30);
    ingot_generation *t = submit(&w, &r);
    const int32_t third = finish(t, INGOT_FINISH_LENGTH).tokens[3].id;
    ingot_generation_close(&t);
    close_world(&w);
    char eos[16];
    snprintf(eos, sizeof eos, "7777,%d", third);
    tiny_shape shape = tiny_default;
    snprintf(eos, sizeof eos, "95,%d", third);
    shape.eos = eos;
    open_world(&w, &o, &shape);
    t = submit(&w, &r);
    const ingot_result a = finish(t, INGOT_FINISH_STOP);
    assert_int_equal(a.stop_id, third);
    assert_true(a.n_tokens <= 3);
    ingot_generation_close(&t);
    r.ignore_eos = true;
    t = submit(&w, &r);
    assert_int_equal(finish(t, INGOT_FINISH_LENGTH).n_tokens, 30);
    ingot_generation_close(&t);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),        cmocka_unit_test(one_of_many),
        cmocka_unit_test(priorities),  cmocka_unit_test(fairness),
        cmocka_unit_test(refusals),    cmocka_unit_test(a_full_queue),
        cmocka_unit_test(bad_options), cmocka_unit_test(end_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
