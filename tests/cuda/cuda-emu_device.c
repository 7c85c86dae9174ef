/* cuda-emu_device.c - the plugin's host side: what it says where there is no device, copies,
 * constants, recordings, and what it does when a device fails. */
#include "tests/cuda/device.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/gpu.h"
#include "runtime/device/cuda/op.h"
#include "runtime/graph/op.h"

#include <pthread.h>
#include <string.h>

enum { MIB = 1 << 20 };

static const ig_device_api *api;

static void the_table_is_whole(void **state)
{
    (void)state;
    assert_int_equal(api->abi, IG_DEVICE_ABI);
    assert_int_equal(api->bytes, sizeof *api);
    size_t n = 0;
    for (; api->op(n); n++) {
        assert_non_null(ig_op_find(api->op(n))); /* an op of the house */
        assert_ptr_equal(ig_cu_op_find(api->op(n))->name, api->op(n));
        for (size_t k = 0; k < n; k++) assert_string_not_equal(api->op(n), api->op(k));
    }
    assert_true(n > 0);
    assert_null(ig_cu_op_find("no such op"));
}

static void expect_none(const char *fault, const char *text)
{
    ingot_error err = {0};
    set_fault(fault);
    assert_int_equal(api->count(&err), 0);
    if (!strstr(err.text, text)) fail_msg("%s: %s", fault, err.text);
    ig_device_info info;
    assert_int_equal(api->probe(0, &info, &err), INGOT_E_DEVICE);
    ig_device *d = NULL;
    const ig_device_options o = {0};
    assert_int_equal(api->open(&d, 0, &o, &err), INGOT_E_DEVICE);
    assert_null(d);
    set_fault(NULL);
}

static void without_a_device_it_says_why(void **state)
{
    (void)state;
    expect_none("driver:none", "no NVIDIA driver is installed");
    expect_none("driver:old", "the NVIDIA driver is for CUDA 11.4, this build needs 13.0");
    expect_none("devices:0", "finds no device");
    ingot_error err;
    ig_device_info info;
    set_fault("cc:60");
    assert_int_equal(api->count(&err), 1);
    assert_int_equal(api->probe(0, &info, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "compute capability 6.0, the kernels need 8.0"));
    set_fault(NULL);
    assert_int_equal(api->probe(3, &info, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "there is no cuda:3, the last one is cuda:0"));
}

static void copies_arrive(void **state)
{
    (void)state;
    enum { N = 11 * MIB + 13 }; /* several times round the ring, and a tail */
    ingot_error err;
    ig_device *d = open_device(64 * MIB);
    ig_device_stream *s;
    check_ok(api->stream_open(&s, d, &err));
    unsigned char *a = malloc(N), *b = malloc(N), *pinned;
    void *x, *y;
    for (size_t i = 0; i < N; i++) a[i] = (unsigned char)(i * 7 + i / 251);
    check_ok(api->take(d, &x, N, IG_DEVICE_WORK, &err));
    check_ok(api->take(d, &y, N, IG_DEVICE_WORK, &err));
    check_ok(api->take_pinned(d, (void **)&pinned, N, &err));
    check_ok(api->copy(s, x, a, N, IG_TO_DEVICE, &err));
    memset(a, 0, N); /* it may be changed at once */
    check_ok(api->copy(s, y, x, N, IG_ON_DEVICE, &err));
    check_ok(api->copy(s, b, y, N, IG_TO_HOST, &err));
    check_ok(api->copy(s, pinned, y, N, IG_TO_HOST, &err));
    check_ok(api->wait(s, &err));
    for (size_t i = 0; i < N; i++) assert_true(b[i] == (unsigned char)(i * 7 + i / 251));
    assert_memory_equal(b, pinned, N);
    check_ok(api->copy(s, x, pinned + 5, 100, IG_TO_DEVICE, &err));
    check_ok(api->copy(s, b, x, 100, IG_TO_HOST, &err));
    check_ok(api->wait(s, &err));
    assert_memory_equal(b, pinned + 5, 100);
    check_ok(api->copy(s, x, a, 0, IG_TO_DEVICE, &err));
    api->give_pinned(d, pinned);
    api->give(d, x), api->give(d, y);
    api->stream_close(&s);
    api->close(&d);
    free(a), free(b);
}

/* ---- constants and steps ---- */

/* bitcast of 1000 f32 to i32, bound by hand: it copies its input. */
typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_arena arena;
    ig_device *d;
    ig_device_stream *s;
    ig_device_bind b;
    void *out;
    const ig_type *in_type, *out_type;
    const ig_tensor *known;
    ig_layout layout;
} one_step;

enum { ELEMENTS = 1000 };

static void open_step_within(one_step *t, size_t budget)
{
    ingot_error err;
    memset(t, 0, sizeof *t);
    ig_heap_init(&t->heap, NULL);
    ig_arena_init(&t->arena, &t->heap);
    t->g = ig_graph_open(&t->heap, NULL);
    ig_type type = ig_type_tensor(INGOT_F32, 1, (int64_t[]){ELEMENTS});
    const ig_id x = ig_graph_value(t->g, "x", &type);
    type.dtype = INGOT_I32;
    const ig_id y = ig_graph_value(t->g, "y", &type);
    ig_node *n = ig_graph_node(t->g, ig_op_find("bitcast"), "cast", &x, 1, &y, 1, 0);
    *(int64_t *)n->attrs = INGOT_I32;
    t->in_type = &t->g->values[x].type, t->out_type = &t->g->values[y].type;
    t->d = open_device(budget);
    check_ok(api->stream_open(&t->s, t->d, &err));
    check_ok(api->take(t->d, &t->out, 4 * ELEMENTS, IG_DEVICE_WORK, &err));
    t->b = (ig_device_bind){.node = n,
                            .in = &t->in_type,
                            .out = &t->out_type,
                            .known = &t->known,
                            .in_layout = &t->layout,
                            .arena = &t->arena,
                            .err = &err};
    check_ok(api->bind(t->d, &t->b));
    assert_false(t->b.declined);
    assert_string_equal(t->b.kernel, "copy");
}

static void open_step(one_step *t) { open_step_within(t, 8 * MIB); }

static void close_step(one_step *t)
{
    api->unbind(t->d, t->b.node, t->b.state);
    api->give(t->d, t->out);
    api->stream_close(&t->s);
    api->close(&t->d);
    ig_arena_clear(&t->arena);
    ig_graph_close(&t->g);
    assert_int_equal(t->heap.live_bytes, 0);
}

static ingot_status launch_step(one_step *t, const void *in, ingot_error *err)
{
    const ig_device_run r = {
        .node = t->b.node, .state = t->b.state, .in = &in, .out = &t->out, .err = err};
    return api->launch(t->s, &r);
}

static void constants_are_shared_and_arrive_late(void **state)
{
    (void)state;
    ingot_error err;
    one_step t;
    open_step(&t);
    float host[ELEMENTS], other[ELEMENTS], got[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) host[i] = (float)i, other[i] = (float)-i;
    void *a, *b, *c;
    ig_device_memory m0, m;
    api->memory(t.d, &m0);
    check_ok(api->constant(t.d, host, sizeof host, &a, &err));
    check_ok(api->constant(t.d, host, sizeof host, &b, &err));
    check_ok(api->constant(t.d, other, sizeof other, &c, &err));
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    api->memory(t.d, &m);
    assert_int_equal(m.used_bytes[IG_DEVICE_WEIGHTS], 2 * 4096);
    const void *const in[] = {c, a, c};
    const float *const want[] = {other, host, other};
    for (int i = 0; i < 3; i++) {
        check_ok(launch_step(&t, in[i], &err));
        check_ok(api->copy(t.s, got, t.out, sizeof got, IG_TO_HOST, &err));
        check_ok(api->wait(t.s, &err));
        assert_memory_equal(got, want[i], sizeof got);
    }
    api->give_constant(t.d, a);
    check_ok(launch_step(&t, b, &err)); /* still held */
    check_ok(api->wait(t.s, &err));
    api->give_constant(t.d, b);
    api->give_constant(t.d, c);
    api->memory(t.d, &m);
    assert_int_equal(m.used_bytes[IG_DEVICE_WEIGHTS], 0);
    close_step(&t);
}

static int fills;

static ingot_status fill_sevens(const void *ud, void *dst, ingot_error *err)
{
    (void)err;
    fills++;
    memset(dst, 7, *(const size_t *)ud);
    return INGOT_OK;
}

static ingot_status fill_badly(const void *ud, void *dst, ingot_error *err)
{
    (void)ud, (void)dst;
    return ig_fail(err, INGOT_E_DATA, "these weights are no good");
}

static void packed_constants_are_made_once(void **state)
{
    (void)state;
    ingot_error err;
    one_step t;
    open_step(&t);
    float host[ELEMENTS] = {0};
    unsigned char got[4 * ELEMENTS], want[4 * ELEMENTS];
    const size_t bytes = sizeof host;
    void *a, *b, *c, *plain;
    fills = 0;
    check_ok(ig_cu_pack(t.d, host, "sevens", bytes, fill_sevens, &bytes, &a, &err));
    check_ok(ig_cu_pack(t.d, host, "sevens", bytes, fill_sevens, &bytes, &b, &err));
    check_ok(ig_cu_pack(t.d, host, "also sevens", bytes, fill_sevens, &bytes, &c, &err));
    check_ok(api->constant(t.d, host, bytes, &plain, &err));
    assert_int_equal(fills, 2);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_ptr_not_equal(a, plain);
    ig_device_memory before, m;
    api->memory(t.d, &before);
    void *bad = host;
    assert_int_equal(ig_cu_pack(t.d, host, "bad", bytes, fill_badly, NULL, &bad, &err),
                     INGOT_E_DATA);
    assert_null(bad);
    api->memory(t.d, &m);
    assert_int_equal(m.used_bytes[IG_DEVICE_WEIGHTS], before.used_bytes[IG_DEVICE_WEIGHTS]);
    /* a step bound from now on comes after the packed ones' upload */
    api->unbind(t.d, t.b.node, t.b.state);
    check_ok(api->bind(t.d, &t.b));
    check_ok(launch_step(&t, c, &err));
    check_ok(api->copy(t.s, got, t.out, bytes, IG_TO_HOST, &err));
    check_ok(api->wait(t.s, &err));
    memset(want, 7, sizeof want);
    assert_memory_equal(got, want, bytes);
    ig_cu_unpack(t.d, a), ig_cu_unpack(t.d, b), ig_cu_unpack(t.d, c);
    api->give_constant(t.d, plain);
    close_step(&t);
}

/* ---- constants that the device brings into their form ---- */

typedef struct {
    size_t unit, calls, units; /* so far */
    int status;                /* what make returns */
} conversion;

static int make_copy(const void *ud, void *dst, const void *raw, size_t first, size_t n,
                     cu_stream s)
{
    conversion *c = (conversion *)(uintptr_t)ud; /* the test's own */
    c->calls++;
    c->units += n;
    if (c->status) return c->status;
    return gpu_copy(s, (char *)dst + first * c->unit, raw, n * c->unit, GPU_WITHIN);
}

static size_t weights_now(ig_device *d)
{
    ig_device_memory m;
    api->memory(d, &m);
    return m.used_bytes[IG_DEVICE_WEIGHTS];
}

static void converted_constants_pass_in_pieces(void **state)
{
    (void)state;
    enum { UNIT = 3 << 20, UNITS = 13, ROOM = UNIT * UNITS + 1000 };
    ingot_error err;
    one_step t;
    open_step_within(&t, 80 * MIB);
    unsigned char *host = malloc(UNIT * UNITS), *got = malloc(ROOM);
    for (size_t i = 0; i < UNIT * UNITS; i++) host[i] = (unsigned char)(i * 7 + (i >> 12));
    conversion c = {.unit = UNIT};
    ig_cu_source from = {
        .host = host, .units = UNITS, .unit_bytes = UNIT, .make = make_copy, .ud = &c};
    void *a, *b;
    const size_t before = weights_now(t.d);
    check_ok(ig_cu_convert(t.d, &from, "copy", ROOM, &a, &err));
    check_ok(ig_cu_convert(t.d, &from, "copy", ROOM, &b, &err));
    assert_ptr_equal(a, b); /* once */
    assert_int_equal(c.calls, 3);
    assert_int_equal(c.units, UNITS);
    const size_t with_passage = weights_now(t.d) - before;
    assert_in_range(with_passage, ROOM + 15 * MIB, ROOM + 16 * MIB);
    memset(host, 1, UNIT * UNITS);         /* it went up before the call returned */
    api->unbind(t.d, t.b.node, t.b.state); /* a step bound from now on comes after it */
    check_ok(api->bind(t.d, &t.b));
    check_ok(launch_step(&t, a, &err));
    check_ok(api->copy(t.s, got, a, ROOM, IG_TO_HOST, &err));
    check_ok(api->wait(t.s, &err));
    for (size_t i = 0; i < ROOM; i++)
        if (got[i] != (i < UNIT * UNITS ? (unsigned char)(i * 7 + (i >> 12)) : 0))
            fail_msg("byte %zu", i);
    assert_in_range(weights_now(t.d) - before, ROOM, ROOM + 256); /* the passage went */
    ig_cu_unpack(t.d, a), ig_cu_unpack(t.d, b);

    from.units = 0; /* nothing to read: zeros */
    check_ok(ig_cu_convert(t.d, &from, "nothing", 64, &a, &err));
    assert_int_equal(c.calls, 3);
    ig_cu_unpack(t.d, a);
    from.units = 2;
    c.status = GPU_E_MEMORY; /* a launch that found no memory: nothing is left behind */
    void *bad = host;
    assert_int_equal(ig_cu_convert(t.d, &from, "bad", ROOM, &bad, &err), INGOT_E_NOMEM);
    assert_null(bad);
    assert_false(api->lost(t.d));
    c.status = 0;
    check_ok(ig_cu_convert(t.d, &from, "bad", ROOM, &a, &err));
    ig_cu_unpack(t.d, a);
    free(host), free(got);
    close_step(&t);
}

/* Memory that weights only pass is given back before an allocation fails. */
static void the_passage_makes_room(void **state)
{
    (void)state;
    ingot_error err;
    ig_device *d = open_device(40 * MIB);
    unsigned char *host = calloc(1, 16 * MIB);
    conversion c = {.unit = MIB};
    const ig_cu_source from = {
        .host = host, .units = 16, .unit_bytes = MIB, .make = make_copy, .ud = &c};
    void *w, *p, *q;
    check_ok(ig_cu_convert(d, &from, "copy", 16 * MIB, &w, &err));
    check_ok(api->take(d, &p, 20 * MIB, IG_DEVICE_WORK, &err));
    assert_int_equal(api->take(d, &q, 5 * MIB, IG_DEVICE_WORK, &err), INGOT_E_NOMEM);
    assert_int_equal(weights_now(d), 16 * MIB);
    api->give(d, p);
    ig_cu_unpack(d, w);
    c.calls = 0; /* and it is narrower where the budget is nearly spent */
    check_ok(ig_cu_convert(d, &from, "copy", 30 * MIB, &w, &err));
    assert_int_equal(c.calls, 2);
    ig_cu_unpack(d, w);
    free(host);
    api->close(&d);
}

static void recordings_replay(void **state)
{
    (void)state;
    ingot_error err;
    one_step t;
    open_step(&t);
    float host[ELEMENTS], got[ELEMENTS];
    void *in;
    ig_device_graph *g;
    check_ok(api->take(t.d, &in, sizeof host, IG_DEVICE_WORK, &err));
    check_ok(api->record_begin(t.s, &err));
    check_ok(launch_step(&t, in, &err));
    assert_int_equal(api->copy(t.s, in, host, sizeof host, IG_TO_DEVICE, &err), INGOT_E_INTERNAL);
    check_ok(api->record_end(t.s, &g, &err));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < ELEMENTS; i++) host[i] = (float)(i * round);
        check_ok(api->copy(t.s, in, host, sizeof host, IG_TO_DEVICE, &err));
        check_ok(api->replay(t.s, g, &err));
        check_ok(api->copy(t.s, got, t.out, sizeof got, IG_TO_HOST, &err));
        check_ok(api->wait(t.s, &err));
        assert_memory_equal(got, host, sizeof got);
    }
    api->graph_close(&g);
    assert_null(g);
    void *c; /* a constant that nothing was launched on before */
    check_ok(api->constant(t.d, host, sizeof host, &c, &err));
    check_ok(api->record_begin(t.s, &err));
    check_ok(launch_step(&t, c, &err));
    check_ok(api->record_end(t.s, &g, &err));
    memset(got, 0, sizeof got);
    check_ok(api->replay(t.s, g, &err));
    check_ok(api->copy(t.s, got, t.out, sizeof got, IG_TO_HOST, &err));
    check_ok(api->wait(t.s, &err));
    assert_memory_equal(got, host, sizeof got);
    api->graph_close(&g);
    api->give_constant(t.d, c);
    api->give(t.d, in);
    close_step(&t);
}

static void a_step_can_be_declined(void **state)
{
    (void)state;
    ingot_error err;
    one_step t;
    open_step(&t);
    ig_type narrow = *t.out_type;
    narrow.dtype = INGOT_I4;
    const ig_type *out = &narrow;
    ig_device_bind b = t.b;
    b.out = &out;
    check_ok(api->bind(t.d, &b));
    assert_true(b.declined);
    assert_non_null(b.why);
    const ig_id x = 0, y = 1;
    b = t.b;
    b.node = ig_graph_node(t.g, ig_op_find("svm"), "svm", &x, 1, &y, 1, 0);
    check_ok(api->bind(t.d, &b));
    assert_true(b.declined);
    close_step(&t);
}

/* ---- failures ---- */

/* Whatever call is the one at which the device goes away, everything after it says so, everything
 * can be closed, and the next device is well. */
static void a_lost_device_stays_lost(void **state)
{
    (void)state;
    bool failed = true;
    for (int n = 20; failed && n < 400; n++) {
        ingot_error err;
        char fault[32];
        one_step t;
        set_fault(NULL);
        open_step(&t);
        snprintf(fault, sizeof fault, "lost:%d", n - 19);
        set_fault(fault);
        float host[ELEMENTS] = {1}, got[ELEMENTS];
        void *in = NULL, *c = NULL, *work = NULL;
        ingot_status s = api->take(t.d, &work, 64, IG_DEVICE_WORK, &err);
        if (!s) s = api->constant(t.d, host, sizeof host, &c, &err);
        if (!s) s = api->take(t.d, &in, sizeof host, IG_DEVICE_WORK, &err);
        if (!s) s = api->copy(t.s, in, host, sizeof host, IG_TO_DEVICE, &err);
        if (!s) s = launch_step(&t, c, &err);
        if (!s) s = api->copy(t.s, got, t.out, sizeof got, IG_TO_HOST, &err);
        if (!s) s = api->wait(t.s, &err);
        failed = s;
        if (s) {
            assert_int_equal(s, INGOT_E_DEVICE);
            assert_true(api->lost(t.d));
            assert_non_null(strstr(err.text, "is lost"));
            assert_int_equal(api->wait(t.s, &err), INGOT_E_DEVICE);
            assert_int_equal(api->take(t.d, &work, 64, IG_DEVICE_WORK, &err), INGOT_E_DEVICE);
            assert_int_equal(launch_step(&t, in, &err), INGOT_E_DEVICE);
        }
        api->give(t.d, in);
        api->give_constant(t.d, c);
        close_step(&t);
    }
    assert_false(failed); /* once the fault lies beyond all calls */
    set_fault(NULL);
    one_step t;
    open_step(&t);
    close_step(&t);
}

static void full_memory_is_no_loss(void **state)
{
    (void)state;
    ingot_error err;
    one_step t;
    open_step(&t);
    set_fault("alloc:1");
    void *p;
    /* the usual slab cannot be had, one that just fits can */
    check_ok(api->take(t.d, &p, 2 * MIB, IG_DEVICE_KV, &err));
    api->give(t.d, p);
    assert_false(api->lost(t.d));
    set_fault("memory:1048576");
    assert_int_equal(api->take(t.d, &p, 4 * MIB, IG_DEVICE_WORK, &err), INGOT_E_NOMEM);
    assert_non_null(strstr(err.text, "the device's memory is full"));
    assert_false(api->lost(t.d));
    set_fault(NULL);
    check_ok(api->take(t.d, &p, 4 * MIB, IG_DEVICE_WORK, &err));
    api->give(t.d, p);
    close_step(&t);
}

/* ---- threads ---- */

typedef struct {
    ig_device *d;
    const float *shared;
    int number;
    bool good;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    ingot_error err;
    ig_device_stream *s;
    float host[500], got[500];
    w->good = !api->stream_open(&s, w->d, &err);
    for (int round = 0; w->good && round < 50; round++) {
        void *p, *c;
        for (int i = 0; i < 500; i++) host[i] = (float)(w->number * 1000 + round + i);
        w->good = !api->take(w->d, &p, sizeof host, IG_DEVICE_WORK, &err) &&
                  !api->constant(w->d, w->shared, 4096, &c, &err) &&
                  !api->copy(s, p, host, sizeof host, IG_TO_DEVICE, &err) &&
                  !api->copy(s, got, p, sizeof got, IG_TO_HOST, &err) && !api->wait(s, &err) &&
                  !memcmp(host, got, sizeof host);
        api->give_constant(w->d, c);
        api->give(w->d, p);
    }
    api->stream_close(&s);
    return NULL;
}

static void threads_share_a_device(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    ig_device *d = open_device(64 * MIB);
    static const float shared[1024];
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.d = d, .shared = shared, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].good);
    }
    api->close(&d);
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(without_a_device_it_says_why),
        cmocka_unit_test(copies_arrive),
        cmocka_unit_test(constants_are_shared_and_arrive_late),
        cmocka_unit_test(packed_constants_are_made_once),
        cmocka_unit_test(converted_constants_pass_in_pieces),
        cmocka_unit_test(the_passage_makes_room),
        cmocka_unit_test(recordings_replay),
        cmocka_unit_test(a_step_can_be_declined),
        cmocka_unit_test(a_lost_device_stays_lost),
        cmocka_unit_test(full_memory_is_no_loss),
        cmocka_unit_test(threads_share_a_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
