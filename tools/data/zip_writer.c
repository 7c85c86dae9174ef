/* zip_writer.c - see zip_writer.h. */
#include "tools/data/zip_writer.h"
#include "runtime/base/checked.h"
#include "tools/data/zip_layout.h"

#include <string.h>

enum { DATE_1980 = 0x21, VERSION = 20, VERSION64 = 45, MADE_BY_UNIX = 3 << 8, EXTRA_ROOM = 28 };

void ig_zip_writer_init(ig_zip_writer *w, ig_heap *heap, ig_sink *to, uint64_t zip64_from)
{
    *w =
        (ig_zip_writer){.to = to, .heap = heap, .zip64_from = zip64_from ? zip64_from : UINT32_MAX};
}

void ig_zip_writer_clear(ig_zip_writer *w)
{
    ig_give(w->heap, w->directory, w->room);
    w->directory = NULL;
    w->directory_bytes = w->room = 0;
}

static ingot_status put(ig_zip_writer *w, const void *p, size_t n, ingot_error *err)
{
    w->at += n;
    return n ? w->to->put(w->to, p, n, err) : INGOT_OK;
}

/* The 32-bit field, or all ones and the value at the end of the extra field. */
static void put_field(uint8_t *field, uint64_t v, bool wide, uint8_t *extra, size_t *n)
{
    put_le(field, wide ? UINT32_MAX : v, 4);
    if (!wide) return;
    put_le(extra, ZIP_EXTRA64, 2);
    if (!*n) *n = 4;
    put_le(extra + *n, v, 8);
    *n += 8;
    put_le(extra + 2, *n - 4, 2);
}

static ingot_status reserve(ig_zip_writer *w, size_t n, ingot_error *err)
{
    if (w->room - w->directory_bytes >= n) return INGOT_OK;
    const size_t room = 2 * (w->directory_bytes + n);
    uint8_t *more = ig_take(w->heap, room);
    if (!more) return ig_fail(err, INGOT_E_NOMEM, "zip: a directory of %zu bytes", room);
    if (w->directory) memcpy(more, w->directory, w->directory_bytes);
    ig_give(w->heap, w->directory, w->room);
    w->directory = more;
    w->room = room;
    return INGOT_OK;
}

static unsigned flags_of(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)name[i] >= 0x80) return ZIP_FLAG_UTF8;
    return 0;
}

ingot_status ig_zip_writer_member(ig_zip_writer *w, const char *name, size_t name_len,
                                  uint64_t bytes, uint32_t crc, ingot_error *err)
{
    uint8_t local[ZIP_LOCAL_BYTES] = {0}, extra[EXTRA_ROOM], *c;
    size_t n = 0;
    if (name_len > UINT16_MAX)
        return ig_fail(err, INGOT_E_ARG, "zip: a member's name of %zu bytes (at most 65535)",
                       name_len);
    const bool wide = bytes >= w->zip64_from, far = w->at >= w->zip64_from;
    IG_TRY(reserve(w, ZIP_CENTRAL_BYTES + name_len + sizeof extra, err));
    c = w->directory + w->directory_bytes;
    memset(c, 0, ZIP_CENTRAL_BYTES);
    put_le(c, ZIP_CENTRAL, 4);
    put_le(c + 4, MADE_BY_UNIX | (wide || far ? VERSION64 : VERSION), 2);
    put_le(c + 6, wide || far ? VERSION64 : VERSION, 2);
    put_le(c + CENTRAL_FLAGS, flags_of(name, name_len), 2);
    put_le(c + CENTRAL_DATE, DATE_1980, 2);
    put_le(c + CENTRAL_CRC, crc, 4);
    put_le(c + CENTRAL_NAME_LEN, name_len, 2);
    put_le(c + 38, (uint64_t)0100644 << 16, 4); /* a plain file, readable */
    put_field(c + CENTRAL_SIZE, bytes, wide, extra, &n);
    put_field(c + CENTRAL_PACKED, bytes, wide, extra, &n);
    const size_t local_extra = n; /* the same order: size, packed size */
    put_le(local, ZIP_LOCAL, 4);
    put_le(local + 4, wide ? VERSION64 : VERSION, 2);
    put_le(local + LOCAL_FLAGS, flags_of(name, name_len), 2);
    put_le(local + LOCAL_DATE, DATE_1980, 2);
    put_le(local + LOCAL_CRC, crc, 4);
    put_le(local + LOCAL_PACKED, wide ? UINT32_MAX : bytes, 4);
    put_le(local + LOCAL_SIZE, wide ? UINT32_MAX : bytes, 4);
    put_le(local + LOCAL_NAME_LEN, name_len, 2);
    put_le(local + LOCAL_EXTRA_LEN, local_extra, 2);
    const uint64_t at = w->at;
    IG_TRY(put(w, local, sizeof local, err));
    IG_TRY(put(w, name, name_len, err));
    IG_TRY(put(w, extra, local_extra, err));
    put_field(c + CENTRAL_LOCAL_AT, at, far, extra, &n);
    put_le(c + CENTRAL_EXTRA_LEN, n, 2);
    memcpy(c + ZIP_CENTRAL_BYTES, name, name_len);
    memcpy(c + ZIP_CENTRAL_BYTES + name_len, extra, n);
    w->directory_bytes += ZIP_CENTRAL_BYTES + name_len + n;
    w->at += bytes; /* which the caller puts now */
    w->n++;
    return INGOT_OK;
}

static ingot_status put_end64(ig_zip_writer *w, uint64_t directory_at, ingot_error *err)
{
    uint8_t end[ZIP_END64_BYTES] = {0}, locator[ZIP_LOCATOR64_BYTES] = {0};
    const uint64_t at = w->at;
    put_le(end, ZIP_END64, 4);
    put_le(end + 4, sizeof end - 12, 8);
    put_le(end + 12, MADE_BY_UNIX | VERSION64, 2);
    put_le(end + 14, VERSION64, 2);
    put_le(end + END64_COUNT - 8, w->n, 8);
    put_le(end + END64_COUNT, w->n, 8);
    put_le(end + END64_DIRECTORY_BYTES, w->directory_bytes, 8);
    put_le(end + END64_DIRECTORY_AT, directory_at, 8);
    put_le(locator, ZIP_LOCATOR64, 4);
    put_le(locator + LOCATOR64_AT, at, 8);
    put_le(locator + 16, 1, 4);
    IG_TRY(put(w, end, sizeof end, err));
    return put(w, locator, sizeof locator, err);
}

ingot_status ig_zip_writer_finish(ig_zip_writer *w, ingot_error *err)
{
    uint8_t end[ZIP_END_BYTES] = {0};
    const uint64_t at = w->at;
    const bool many = w->n >= UINT16_MAX, far = at >= w->zip64_from,
               large = w->directory_bytes >= w->zip64_from;
    IG_TRY(put(w, w->directory, w->directory_bytes, err));
    if (many || far || large) IG_TRY(put_end64(w, at, err));
    put_le(end, ZIP_END, 4);
    put_le(end + END_COUNT - 2, many ? UINT16_MAX : w->n, 2);
    put_le(end + END_COUNT, many ? UINT16_MAX : w->n, 2);
    put_le(end + END_DIRECTORY_BYTES, large ? UINT32_MAX : w->directory_bytes, 4);
    put_le(end + END_DIRECTORY_AT, far ? UINT32_MAX : at, 4);
    return put(w, end, sizeof end, err);
}
