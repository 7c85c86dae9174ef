/* wire.c - see wire.h. Spec: protobuf encoding guide (varints, tags, packed fields, groups). */
#include "formats/wire.h"
#include "runtime/base/checked.h"

#include <string.h>

ig_wire ig_wire_open(ig_span message)
{
    static const uint8_t nothing[1];
    const uint8_t *p = message.p ? message.p : nothing;
    return (ig_wire){.begin = p, .at = p, .end = p + message.n};
}

static bool stop(ig_wire *w, const char *fault)
{
    w->fault = fault;
    return false;
}

static bool varint(ig_wire *w, uint64_t *out)
{
    uint64_t v = 0;
    const uint8_t *p = w->at;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p == w->end) return stop(w, "a number is cut off");
        const uint8_t byte = *p++;
        if (shift < 64) v |= (uint64_t)(byte & 0x7fu) << shift;
        if (byte & 0x80u) continue;
        w->at = p;
        *out = v;
        return true;
    }
    return stop(w, "a number is longer than 10 bytes");
}

static bool fixed(ig_wire *w, size_t width, uint64_t *out)
{
    if ((size_t)(w->end - w->at) < width) return stop(w, "a number is cut off");
    *out = 0;
    memcpy(out, w->at, width); /* little-endian, as every processor we build for */
    w->at += width;
    return true;
}

static bool span(ig_wire *w, ig_span *out)
{
    uint64_t n;
    if (!varint(w, &n)) return false;
    if (n > (size_t)(w->end - w->at)) return stop(w, "a length reaches past the end");
    *out = (ig_span){w->at, (size_t)n};
    w->at += n;
    return true;
}

static bool tag(ig_wire *w, ig_field *f)
{
    uint64_t v;
    if (!varint(w, &v)) return false;
    if (v > UINT32_MAX || v >> 3 == 0) return stop(w, "a field has a number out of range");
    f->number = (uint32_t)(v >> 3);
    f->kind = (ig_wire_kind)(v & 7);
    return true;
}

static bool payload(ig_wire *w, ig_field *f)
{
    switch (f->kind) {
    case IG_WIRE_VARINT:
        return varint(w, &f->value);
    case IG_WIRE_FIXED64:
        return fixed(w, 8, &f->value);
    case IG_WIRE_FIXED32:
        return fixed(w, 4, &f->value);
    case IG_WIRE_BYTES:
        return span(w, &f->bytes);
    case IG_WIRE_GROUP:
    case IG_WIRE_GROUP_END:
        return true;
    }
    return stop(w, "a field has an unknown wire type");
}

bool ig_wire_next(ig_wire *w, ig_field *f)
{
    size_t groups = 0; /* open ones; their content is skipped */
    while (!w->fault && w->at < w->end) {
        if (!tag(w, f) || !payload(w, f)) return false;
        if (f->kind == IG_WIRE_GROUP)
            groups++;
        else if (f->kind == IG_WIRE_GROUP_END) {
            if (!groups) return stop(w, "a group ends that never began");
            groups--;
        } else if (!groups)
            return true;
    }
    if (groups && !w->fault) w->fault = "a group is cut off";
    return false;
}

ingot_status ig_wire_end(const ig_wire *w, const char *what, ingot_error *err)
{
    if (!w->fault) return INGOT_OK;
    return ig_fail(err, INGOT_E_FORMAT, "%s: %s at byte %zu of %zu: is the file whole?", what,
                   w->fault, (size_t)(w->at - w->begin), (size_t)(w->end - w->begin));
}

ingot_status ig_wire_ints(int64_t *out, size_t *n, ig_span message, uint32_t number,
                          ingot_error *err)
{
    *n = 0;
    ig_field f;
    ig_wire w = ig_wire_open(message);
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, number, IG_WIRE_VARINT)) {
            if (out) out[*n] = (int64_t)f.value;
            ++*n;
        }
        if (!ig_wire_is(&f, number, IG_WIRE_BYTES)) continue;
        ig_wire packed = ig_wire_open(f.bytes);
        while (packed.at < packed.end) {
            uint64_t v;
            if (!varint(&packed, &v)) return ig_wire_end(&packed, "a list of numbers", err);
            if (out) out[*n] = (int64_t)v;
            ++*n;
        }
    }
    return ig_wire_end(&w, "a list of numbers", err);
}

ingot_status ig_wire_fixed(void *out, size_t width, size_t *n, ig_span message, uint32_t number,
                           ingot_error *err)
{
    *n = 0;
    ig_field f;
    ig_wire w = ig_wire_open(message);
    const ig_wire_kind kind = width == 4 ? IG_WIRE_FIXED32 : IG_WIRE_FIXED64;
    while (ig_wire_next(&w, &f)) {
        const void *from = NULL;
        size_t count = 0;
        if (ig_wire_is(&f, number, kind))
            from = &f.value, count = 1;
        else if (ig_wire_is(&f, number, IG_WIRE_BYTES))
            from = f.bytes.p, count = f.bytes.n / width;
        if (!count) continue;
        if (f.kind == IG_WIRE_BYTES && f.bytes.n % width)
            return ig_fail(err, INGOT_E_FORMAT,
                           "a packed list has %zu bytes, not a multiple of %zu", f.bytes.n, width);
        if (out) memcpy((char *)out + *n * width, from, count * width);
        *n += count;
    }
    return ig_wire_end(&w, "a list of numbers", err);
}

ig_span ig_wire_lone(ig_span message, uint32_t number)
{
    ig_span found = {0};
    size_t n = 0;
    ig_field f;
    for (ig_wire w = ig_wire_open(message); ig_wire_next(&w, &f);)
        if (f.number == number) {
            n++;
            if (f.kind == IG_WIRE_BYTES) found = f.bytes;
        }
    return n == 1 ? found : (ig_span){0};
}

ingot_status ig_wire_message(ig_span *out, ig_span message, uint32_t number, ig_arena *arena,
                             ingot_error *err)
{
    size_t parts = 0, bytes = 0;
    ig_field f;
    *out = (ig_span){0};
    ig_wire w = ig_wire_open(message);
    while (ig_wire_next(&w, &f)) {
        if (!ig_wire_is(&f, number, IG_WIRE_BYTES)) continue;
        parts++;
        bytes += f.bytes.n; /* all lie in one message: no overflow */
        *out = f.bytes;
    }
    IG_TRY(ig_wire_end(&w, "a message", err));
    if (parts < 2) return INGOT_OK;
    uint8_t *copy = ig_arena_take(arena, bytes);
    if (!copy) return ig_fail(err, INGOT_E_NOMEM, "no memory to merge %zu bytes", bytes);
    *out = (ig_span){copy, bytes};
    w = ig_wire_open(message);
    while (ig_wire_next(&w, &f)) {
        if (!ig_wire_is(&f, number, IG_WIRE_BYTES) || !f.bytes.n) continue;
        memcpy(copy, f.bytes.p, f.bytes.n);
        copy += f.bytes.n;
    }
    return INGOT_OK;
}
