/* wire.h - reading protobuf's wire format where it lies: bounded, without copies or recursion.
 *
 * A message is a span of bytes. A reader walks the fields of one message; nested messages are spans
 * again, so how deep to go is the caller's choice. Every length is checked against the message that
 * holds it; fields that nobody asks for are skipped. */
#ifndef IG_WIRE_H
#define IG_WIRE_H

#include "runtime/base/arena.h"

typedef struct {
    const uint8_t *p;
    size_t n;
} ig_span;

typedef enum {
    IG_WIRE_VARINT = 0,
    IG_WIRE_FIXED64 = 1,
    IG_WIRE_BYTES = 2,
    IG_WIRE_GROUP = 3, /* begin and end; skipped by the reader */
    IG_WIRE_GROUP_END = 4,
    IG_WIRE_FIXED32 = 5,
} ig_wire_kind;

typedef struct {
    uint32_t number;
    ig_wire_kind kind;
    uint64_t value; /* VARINT, FIXED64, FIXED32 */
    ig_span bytes;  /* BYTES */
} ig_field;

typedef struct {
    const uint8_t *begin, *at, *end;
    const char *fault; /* what is wrong at `at`, or NULL */
} ig_wire;

ig_wire ig_wire_open(ig_span message);

/* ig_wire_next - the next field; false at the end and at the first fault. */
bool ig_wire_next(ig_wire *w, ig_field *f);

/* ig_wire_end - OK when the whole message was read, else E_FORMAT: "WHAT: ... at byte N of M". */
ingot_status ig_wire_end(const ig_wire *w, const char *what, ingot_error *err);

/* ---- whole fields of a message that is already known to be well-formed ------------------------
 * Repeated numbers may be packed, unpacked, or both; they are given in file order. */

/* Numbers of field `number` as 64-bit integers. out NULL: only count. *n: how many. */
ingot_status ig_wire_ints(int64_t *out, size_t *n, ig_span message, uint32_t number,
                          ingot_error *err);
/* Fixed-width numbers of `width` bytes (4 or 8). */
ingot_status ig_wire_fixed(void *out, size_t width, size_t *n, ig_span message, uint32_t number,
                           ingot_error *err);
/* ig_wire_lone - the bytes of field `number` when it occurs exactly once, as BYTES; else p == NULL.
 */
ig_span ig_wire_lone(ig_span message, uint32_t number);
/* ig_wire_message - the embedded message `number`. One that occurs several times is merged as
 * protobuf wants: the parts follow each other in a copy in the arena. Absent: p == NULL. */
ingot_status ig_wire_message(ig_span *out, ig_span message, uint32_t number, ig_arena *arena,
                             ingot_error *err);

/* ig_wire_is - field f has this number and kind. Another kind under a known number is skipped, as
 * protobuf does. */
static inline bool ig_wire_is(const ig_field *f, uint32_t number, ig_wire_kind kind)
{
    return f->number == number && f->kind == kind;
}

#endif
