/* lookup.c - searches in constant tables on the device: label_encoder and one_hot_encoder of
 * numbers. Strings stay on the CPU. */
#include "runtime/device/cuda/ops/lookup.h"
#include "runtime/device/cuda/ops/walk.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

/* ---- tables ---- */

/* An element as 64 bits that are equal when the numbers are (lookup_cuda.h). */
static uint64_t bits_of(const void *data, ingot_dtype dtype, size_t at)
{
    uint64_t bits;
    if (ig_dtype(dtype)->class_ != IG_CLASS_FLOAT) return (uint64_t)ig_to_int(data, dtype, at);
    double v = ig_to_double(data, dtype, at);
    if (v != v) return UINT64_MAX;
    if (v == 0) v = 0; /* -0 too */
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

int ig_cu_slots_shift(size_t n)
{
    int shift = 62;
    while (UINT64_MAX >> shift < 2 * (uint64_t)n - (n > 0)) shift--;
    return shift;
}

void ig_cu_slots_fill(cu_slot *slots, int shift, const ig_tensor *keys)
{
    const size_t last = (size_t)(UINT64_MAX >> shift), n = ig_tensor_elements(keys);
    for (size_t i = 0; i <= last; i++) slots[i] = (cu_slot){.index = -1};
    for (size_t i = 0; i < n; i++) {
        const uint64_t key = bits_of(keys->data, keys->dtype, i);
        size_t at = CU_SLOT_AT(key, shift);
        while (slots[at].index >= 0 && slots[at].key != key) at = (at + 1) & last;
        if (slots[at].index < 0) slots[at] = (cu_slot){.key = key, .index = (int32_t)i};
    }
}

typedef struct {
    const ig_tensor *keys;
    int shift;
} slots_source;

static ingot_status fill_slots(const void *ud, void *dst, ingot_error *err)
{
    const slots_source *from = ud;
    (void)err;
    ig_cu_slots_fill(dst, from->shift, from->keys);
    return INGOT_OK;
}

ingot_status ig_cu_slots(ig_device *d, ig_device_bind *b, uint32_t input, int *shift, void **out)
{
    const ig_tensor *keys = b->known[input];
    char form[32];
    *shift = ig_cu_slots_shift(ig_tensor_elements(keys));
    snprintf(form, sizeof form, "slots of %s", ig_dtype(keys->dtype)->name);
    b->taken |= UINT64_C(1) << input;
    const slots_source from = {keys, *shift};
    const size_t bytes = ((size_t)(UINT64_MAX >> *shift) + 1) * sizeof(cu_slot);
    return ig_cu_pack(d, keys->data, form, bytes, fill_slots, &from, out, b->err);
}

typedef struct {
    cu_lookup_args args;
    void *slots; /* on the device */
    size_t index;
    int64_t k;
    bool strict; /* elements of no category are an error */
} lookup_state;

/* A search of input 0 among the keys in input 1; *out NULL: declined. */
static ingot_status search(lookup_state **out, ig_device_bind *b)
{
    const ig_type *x = b->in[0];
    int64_t n, n_keys;
    *out = NULL;
    if (!b->known[1]) return IG_CU_DECLINE(b, "keys that are no constant");
    if (!ig_el_number(x->dtype) || !ig_el_number(b->in[1]->dtype))
        return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &n) || !ig_el_count(b->in[1], &n_keys))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    lookup_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->args = (cu_lookup_args){.n = n, .x_dtype = (int)x->dtype};
    *out = s;
    return INGOT_OK;
}

static void unbind(ig_device *d, void *state)
{
    const lookup_state *s = state;
    if (s && s->slots) ig_cu_unpack(d, s->slots);
}

/* ---- label_encoder ---- */

enum { X, KEYS, VALUES, DEFAULT };

static ingot_status bind_labels(ig_device *d, ig_device_bind *b)
{
    lookup_state *s;
    if (!b->known[VALUES] || !b->known[DEFAULT] ||
        ig_tensor_elements(b->known[VALUES]) != ig_tensor_elements(b->known[KEYS]) ||
        ig_tensor_elements(b->known[DEFAULT]) < 1)
        return IG_CU_DECLINE(b, "values that are no constants, or not one a key");
    const size_t bytes = ig_dtype(b->in[VALUES]->dtype)->bytes;
    if (bytes > sizeof(uint64_t)) return IG_CU_DECLINE(b, "values of more than 8 bytes");
    IG_TRY(search(&s, b));
    if (!s) return INGOT_OK;
    s->args.bytes = (int)bytes;
    b->kernel = "lookup";
    return ig_cu_slots(d, b, KEYS, &s->args.shift, &s->slots);
}

static ingot_status launch_labels(ig_device_stream *stream, const ig_device_run *r)
{
    const lookup_state *s = r->state;
    cu_lookup_args a = s->args;
    a.x = r->in[X], a.y = r->out[0];
    a.slots = s->slots, a.values = r->in[VALUES], a.other = r->in[DEFAULT];
    /* a table without keys has no values either, and asks for the default only */
    if (!a.values) a.values = a.other;
    return ig_cu_done(stream, r, cu_lookup(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_label_encoder = {
    .name = "label_encoder", .bind = bind_labels, .launch = launch_labels, .unbind = unbind};

/* ---- one_hot_encoder: the index of each element, then its row ---- */

static ingot_status bind_one_hot(ig_device *d, ig_device_bind *b)
{
    lookup_state *s;
    int64_t n;
    if (!ig_el_count(b->out[0], &n)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    IG_TRY(search(&s, b));
    if (!s) return INGOT_OK;
    s->args.whole = true;
    s->strict = !ig_cu_int(b, "zeros");
    s->k = b->in[KEYS]->dims[0];
    if (!ig_el_piece(b, s->args.n, sizeof(int32_t), &s->index))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = "lookup";
    return ig_cu_slots(d, b, KEYS, &s->args.shift, &s->slots);
}

static ingot_status launch_one_hot(ig_device_stream *stream, const ig_device_run *r)
{
    const lookup_state *s = r->state;
    cu_lookup_args a = s->args;
    int32_t *index = (int32_t *)(void *)((char *)r->scratch + s->index);
    a.x = r->in[X], a.y = index, a.slots = s->slots;
    if (s->strict) a.fault = ig_cu_fault(stream);
    int status = cu_lookup(&a, ig_cu_stream(stream));
    if (!status) status = cu_one_of(r->out[0], index, a.n, s->k, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

static ingot_status refuse_one_hot(const ig_node *node, const void *state, const cu_fault *f,
                                   ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_DATA, node, "element %lld is none of the %lld categories",
                        (long long)f->at, (long long)((const lookup_state *)state)->k);
}

const ig_cu_op ig_cu_op_one_hot_encoder = {.name = "one_hot_encoder",
                                           .bind = bind_one_hot,
                                           .launch = launch_one_hot,
                                           .unbind = unbind,
                                           .refuse = refuse_one_hot};
