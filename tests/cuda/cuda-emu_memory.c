/* cuda-emu_memory.c - device memory: the budget, pieces that do not overlap, what is given back in
 * order with a stream. */
#include "tests/cuda/device.h"
#include "runtime/device/cuda/inside.h"

#include <string.h>

enum { MIB = 1 << 20 };

static const ig_device_api *api;

static void a_budget_holds(void **state)
{
    (void)state;
    ingot_error err;
    set_fault("memory:67108864");
    ig_device *d = NULL;
    ig_device_options o = {.budget_bytes = 65 * MIB};
    assert_int_equal(api->open(&d, 0, &o, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "a budget of 65.0 MiB is asked for"));
    assert_non_null(strstr(err.text, "has 64.0 MiB"));
    d = open_device(16 * MIB);
    void *p, *q, *r;
    check_ok(api->take(d, &p, 10 * MIB, IG_DEVICE_WEIGHTS, &err));
    assert_int_equal(api->take(d, &q, 10 * MIB, IG_DEVICE_WORK, &err), INGOT_E_NOMEM);
    assert_non_null(strstr(err.text, "no room for 10.0 MiB of activations: the budget is spent "
                                     "(budget 16.0 MiB; weights 10.0"));
    check_ok(api->take(d, &q, 6 * MIB, IG_DEVICE_KV, &err));
    assert_int_equal(api->take(d, &r, 1, IG_DEVICE_KV, &err), INGOT_E_NOMEM);
    ig_device_memory m;
    api->memory(d, &m);
    assert_int_equal(m.used_bytes[IG_DEVICE_WEIGHTS], 10 * MIB);
    assert_int_equal(m.used_bytes[IG_DEVICE_KV], 6 * MIB);
    assert_int_equal(m.budget_bytes, 16 * MIB);
    api->give(d, p); /* what is free serves another use */
    check_ok(api->take(d, &r, 9 * MIB, IG_DEVICE_WORK, &err));
    assert_int_equal(api->take(d, &p, SIZE_MAX, IG_DEVICE_WORK, &err), INGOT_E_NOMEM);
    assert_false(api->lost(d));
    api->give(d, q), api->give(d, r);
    api->close(&d);
    d = open_device(0); /* the default leaves a quarter of so small a device alone */
    api->memory(d, &m);
    assert_int_equal(m.budget_bytes, 48 * MIB);
    api->close(&d);
    set_fault("memory:8589934592"); /* and a tenth of a large one */
    d = open_device(0);
    api->memory(d, &m);
    assert_int_equal(m.budget_bytes, 8589934592 - 8589934592 / 10);
    api->close(&d);
    set_fault(NULL);
}

/* Random takes and gives: no two pieces overlap, and a warm pool takes no slab any more. */
static void pieces_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 64, ROUNDS = 3000 };
    ingot_error err;
    ig_device *d = open_device(256 * MIB);
    unsigned char *p[PIECES] = {0};
    size_t bytes[PIECES] = {0};
    unsigned seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 1664525u + 1013904223u;
        const unsigned i = (seed >> 8) % PIECES;
        if (p[i]) {
            api->give(d, p[i]);
            p[i] = NULL;
            continue;
        }
        bytes[i] = (seed >> 16) % (seed & 64 ? 300000 : 900);
        check_ok(api->take(d, (void **)&p[i], bytes[i], (seed >> 3) % 3, &err));
        assert_int_equal((uintptr_t)p[i] % 256, 0);
        for (unsigned k = 0; k < PIECES; k++)
            assert_true(k == i || !p[k] || p[k] + bytes[k] <= p[i] || p[i] + bytes[i] <= p[k]);
    }
    ig_device_memory before, after;
    for (int i = 0; i < PIECES; i++) api->give(d, p[i]);
    api->memory(d, &before);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(before.used_bytes[use], 0);
    for (int i = 0; i < 100; i++) {
        void *one;
        check_ok(api->take(d, &one, 200000, IG_DEVICE_WORK, &err));
        api->give(d, one);
    }
    api->memory(d, &after);
    assert_int_equal(after.allocations, before.allocations);
    api->close(&d);
}

/* ---- in order with a stream ---- */

enum { PART = 5 * MIB };

typedef struct {
    ig_device *d;
    ig_device_stream *s;
    unsigned char *in, *out; /* pinned: copies of them are done when the stream comes there */
    void *p;
} order;

static void open_order(order *o)
{
    ingot_error err;
    o->d = open_device(16 * MIB);
    check_ok(api->stream_open(&o->s, o->d, &err));
    check_ok(api->take_pinned(o->d, (void **)&o->in, PART, &err));
    check_ok(api->take_pinned(o->d, (void **)&o->out, PART, &err));
    check_ok(api->take(o->d, &o->p, PART, IG_DEVICE_WORK, &err));
}

static void close_order(order *o)
{
    api->give_pinned(o->d, o->in);
    api->give_pinned(o->d, o->out);
    api->stream_close(&o->s);
    ig_device_memory m;
    api->memory(o->d, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&o->d);
}

/* in to p, p to out, and p given back, all of it still to be done. */
static void use_and_leave(order *o, int pattern)
{
    ingot_error err;
    memset(o->in, pattern, PART);
    memset(o->out, 0, PART);
    check_ok(api->copy(o->s, o->p, o->in, PART, IG_TO_DEVICE, &err));
    check_ok(api->copy(o->s, o->out, o->p, PART, IG_TO_HOST, &err));
    stream_leave(o->s, o->p);
    assert_int_equal(o->out[0], 0);
}

static void overwrite(order *o, void *p)
{
    ingot_error err;
    ig_device_stream *other;
    unsigned char zeros[1000] = {0};
    check_ok(api->stream_open(&other, o->d, &err));
    check_ok(api->copy(other, p, zeros, sizeof zeros, IG_TO_DEVICE, &err));
    check_ok(api->wait(other, &err));
    api->stream_close(&other);
}

static void what_is_in_use_is_not_handed_out(void **state)
{
    (void)state;
    ingot_error err;
    order o;
    open_order(&o);
    void *q, *r;
    use_and_leave(&o, 7);
    check_ok(api->take(o.d, &q, PART, IG_DEVICE_WORK, &err));
    assert_ptr_not_equal(q, o.p);
    overwrite(&o, q);
    ig_device_memory m;
    api->memory(o.d, &m);
    assert_int_equal(m.used_bytes[IG_DEVICE_WORK], 2 * PART);
    check_ok(api->wait(o.s, &err));
    for (int i = 0; i < PART; i++) assert_int_equal(o.out[i], 7);
    check_ok(api->take(o.d, &r, PART, IG_DEVICE_WORK, &err)); /* now it is free */
    assert_ptr_equal(r, o.p);
    api->give(o.d, q);
    api->give(o.d, r);
    close_order(&o);
}

/* Where there is no other room, whoever takes waits for it. */
static void the_last_room_is_waited_for(void **state)
{
    (void)state;
    ingot_error err;
    order o;
    open_order(&o);
    void *q, *r;
    check_ok(api->take(o.d, &q, PART, IG_DEVICE_KV, &err));
    use_and_leave(&o, 9);
    check_ok(api->take(o.d, &r, 8 * MIB, IG_DEVICE_WEIGHTS, &err));
    overwrite(&o, r);
    for (int i = 0; i < PART; i++) assert_int_equal(o.out[i], 9);
    api->give(o.d, q);
    api->give(o.d, r);
    close_order(&o);
}

/* Without an event there is a wait; a device that is lost does nothing any more. */
static void faults_lose_no_memory(void **state)
{
    (void)state;
    static const char *const faults[] = {"lost:2,error:801", "lost:3,error:801", "lost:2",
                                         "lost:3"};
    for (int i = 0; i < 4; i++) {
        order o;
        open_order(&o);
        set_fault(faults[i]);
        stream_leave(o.s, o.p);
        assert_true(api->lost(o.d) == false); /* nobody asked for an answer */
        set_fault(NULL);
        close_order(&o);
    }
}

static void once_warm_nothing_is_taken(void **state)
{
    (void)state;
    ingot_error err;
    order o;
    open_order(&o);
    ig_device_memory before, after;
    for (int round = 0; round < 20; round++) {
        if (round == 2) api->memory(o.d, &before);
        use_and_leave(&o, round);
        check_ok(api->wait(o.s, &err));
        check_ok(api->take(o.d, &o.p, PART, IG_DEVICE_WORK, &err));
    }
    api->memory(o.d, &after);
    assert_int_equal(before.allocations, after.allocations);
    api->give(o.d, o.p);
    close_order(&o);
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_holds),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(what_is_in_use_is_not_handed_out),
        cmocka_unit_test(the_last_room_is_waited_for),
        cmocka_unit_test(faults_lose_no_memory),
        cmocka_unit_test(once_warm_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
