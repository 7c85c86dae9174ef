/* scope.c - see scope.h. Open addressing with linear probing; at most three quarters full. */
#include "formats/onnx/scope.h"
#include "runtime/base/checked.h"

#include <string.h>

static uint64_t hash_of(const char *name) /* FNV-1a, then its high bits folded in */
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h ^ (h >> 29);
}

static onnx_entry *slot_of(onnx_entry *slots, size_t n_slots, const char *name, uint64_t hash)
{
    size_t i = (size_t)hash & (n_slots - 1);
    while (slots[i].name && (slots[i].hash != hash || strcmp(slots[i].name, name) != 0))
        i = (i + 1) & (n_slots - 1);
    return &slots[i];
}

static bool grow(onnx_scope *s)
{
    const size_t n = s->n_slots ? s->n_slots * 2 : 64;
    onnx_entry *slots = ig_arena_array(s->arena, n, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].name) *slot_of(slots, n, s->slots[i].name, s->slots[i].hash) = s->slots[i];
    s->slots = slots;
    s->n_slots = n;
    return true;
}

onnx_entry *onnx_scope_entry(onnx_scope *s, const char *name)
{
    if (s->n_used * 4 >= s->n_slots * 3 && !grow(s)) return NULL;
    const uint64_t hash = hash_of(name);
    onnx_entry *e = slot_of(s->slots, s->n_slots, name, hash);
    if (e->name) return e;
    *e = (onnx_entry){.name = name, .hash = hash, .id = IG_NO_VALUE};
    s->n_used++;
    return e;
}

const onnx_entry *onnx_scope_find(const onnx_scope *s, const char *name)
{
    if (!s->n_slots) return NULL;
    const onnx_entry *e = slot_of(s->slots, s->n_slots, name, hash_of(name));
    return e->name ? e : NULL;
}

bool onnx_ids_add(onnx_ids *ids, ig_id id, ig_arena *arena)
{
    if (ids->n == ids->cap) {
        const size_t cap = ids->cap ? ids->cap * 2 : 8;
        ig_id *v = ig_arena_array(arena, cap, sizeof *v);
        if (!v) return false;
        if (ids->n) memcpy(v, ids->v, ids->n * sizeof *v);
        ids->v = v;
        ids->cap = cap;
    }
    ids->v[ids->n++] = id;
    return true;
}

/* An outer value, seen from inside; itself where the inside was inlined. */
static ig_id capture(onnx_scope *s, ig_id outer)
{
    if (s->outer->body == s->body) return outer;
    const ig_value *v = &s->outer->body->g->values[outer];
    ig_graph *g = s->body->g;
    if (v->is_const)
        return ig_graph_const(g, v->name, v->type.dtype, v->type.rank, v->type.dims, v->data);
    const ig_id id = ig_graph_value(g, v->name, &v->type);
    if (id == IG_NO_VALUE || !onnx_ids_add(&s->body->captured, outer, s->arena) ||
        !onnx_ids_add(&s->body->inputs, id, s->arena))
        return IG_NO_VALUE;
    return id;
}

ingot_status onnx_scope_resolve(ig_id *out, onnx_scope *s, const char *name, ingot_error *err)
{
    const onnx_entry *known = onnx_scope_find(s, name);
    *out = known ? known->id : IG_NO_VALUE;
    if (known && known->defined) return INGOT_OK;
    if (!s->outer) return INGOT_E_FORMAT;
    ig_id outer;
    IG_TRY(onnx_scope_resolve(&outer, s->outer, name, err));
    onnx_entry *e = onnx_scope_entry(s, name);
    if (e && outer != IG_NO_VALUE) e->id = capture(s, outer);
    if (!e || (outer != IG_NO_VALUE && e->id == IG_NO_VALUE))
        return ig_fail(err, INGOT_E_NOMEM, "importing the model: no memory");
    e->defined = true;
    *out = e->id;
    return INGOT_OK;
}
