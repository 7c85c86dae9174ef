/* shared_model.c - many threads, one model: each has a session of its own, weights are there once.
 * Then one asynchronous run with a callback, and one that is cancelled.
 *
 *     shared_model MODEL.ingot [THREADS [RUNS]]
 *
 * The model takes one f32 input; open dimensions are taken as 1. */
#include <ingot.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 64 };

typedef struct {
    ingot_model *model;
    size_t runs;
    ingot_tensor in;
    unsigned long long sum; /* of the answers' bits: all threads must get the same */
    ingot_status status;
    ingot_error err;
} worker;

static unsigned long long bits_of(const ingot_tensor *t)
{
    unsigned long long sum = 0;
    const unsigned char *p = t->data;
    const size_t n = ingot_tensor_elements(t) * ingot_dtype_bytes(t->dtype);
    for (size_t i = 0; i < n; i++) sum = sum * 31 + p[i];
    return sum;
}

static void *work(void *arg)
{
    worker *w = arg;
    ingot_session *s = NULL;
    w->status = ingot_session_open(&s, w->model, NULL, &w->err);
    for (size_t i = 0; !w->status && i < w->runs; i++) {
        ingot_tensor out = {.data = NULL};
        w->status = ingot_session_run(s, &out, 1, &w->in, 1, &w->err);
        if (!w->status) w->sum = bits_of(&out);
    }
    if (s) ingot_session_close(&s);
    return NULL;
}

static int run_threads(ingot_model *model, ingot_tensor in, size_t n, size_t runs)
{
    static worker workers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    size_t started = 0, same = 0;
    for (; started < n; started++) {
        workers[started] = (worker){.model = model, .runs = runs, .in = in};
        if (pthread_create(&threads[started], NULL, work, &workers[started])) break;
    }
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < started; i++) {
        if (workers[i].status) fprintf(stderr, "thread %zu: %s\n", i, workers[i].err.text);
        same += !workers[i].status && workers[i].sum == workers[0].sum;
    }
    printf("%zu threads made %zu runs each; %zu gave the same bits\n", started, runs, same);
    return same == n ? 0 : 1;
}

/* Called on the session's own thread when the run is over. */
static void done(void *ud, ingot_status status, const ingot_error *err)
{
    *(ingot_status *)ud = status;
    printf("asynchronous run: %s\n", status ? err->text : "done");
}

static int run_async(ingot_model *model, ingot_tensor in)
{
    ingot_error err;
    ingot_session *s;
    ingot_status ended = INGOT_E_INTERNAL;
    ingot_tensor out = {.data = NULL};
    if (ingot_session_open(&s, model, NULL, &err) ||
        ingot_session_run_async(s, &out, 1, &in, 1, done, &ended, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
    ingot_session_wait(s); /* something useful could happen here instead */
    int failed = ended != INGOT_OK;

    /* Cancelling: the run ends at its next step, or was done before. Either is fine. */
    if (ingot_session_run_async(s, &out, 1, &in, 1, done, &ended, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
    ingot_session_cancel(s);
    ingot_session_wait(s);
    if (ended && ended != INGOT_E_CANCELLED) failed = 1;
    ingot_session_close(&s);
    return failed;
}

int main(int argc, char **argv)
{
    ingot_error err;
    ingot_runtime *rt;
    ingot_model *model;
    ingot_value_info info;
    const size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 4;
    const size_t runs = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    if (argc < 2 || n < 1 || n > MOST_THREADS)
        return fputs("usage: shared_model MODEL.ingot [THREADS [RUNS]]\n", stderr), 2;
    if (ingot_runtime_open(&rt, NULL, &err)) return fprintf(stderr, "%s\n", err.text), 1;
    if (ingot_model_open(&model, rt, argv[1], NULL, &err))
        return fprintf(stderr, "%s\n", err.text), ingot_runtime_close(&rt), 1;
    int failed = 1;
    if (ingot_model_input(&info, model, 0) && info.dtype == INGOT_F32 && info.rank >= 0) {
        ingot_tensor in = ingot_view_f32(NULL, info.rank, info.dims);
        for (int d = 0; d < in.rank; d++)
            if (in.dims[d] < 0) in.dims[d] = 1;
        float *data = calloc(ingot_tensor_elements(&in) + 1, sizeof *data);
        in.data = data;
        failed = !data || run_threads(model, in, n, runs) || run_async(model, in);
        free(data);
    }
    ingot_model_close(&model);
    ingot_runtime_close(&rt);
    return failed;
}
