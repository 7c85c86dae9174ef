/* zip.c - the directory of a zip archive; see zip.h. */
#include "tools/data/zip.h"
#include "runtime/base/checked.h"
#include "tools/data/zip_layout.h"

#include <inttypes.h>
#include <string.h>

enum { COMMENT_LIMIT = 0xffff, DEFLATE_RATIO = 1032 };

static ingot_status read_at(void *to, const ig_zip *zip, uint64_t at, size_t n, ingot_error *err)
{
    ig_file_source f;
    if (!ig_range_ok(at, n, zip->file_bytes))
        return ig_fail(err, INGOT_E_DATA, "zip: a record at byte %" PRIu64 " lies past the end",
                       at);
    ig_file_source_init(&f, zip->fd, at, n);
    return ig_source_read(&f.source, to, n, err);
}

/* The end record is the last thing but for a comment of up to 64 KiB: its place, or a failure. */
static ingot_status find_end(uint64_t *at, uint8_t end[ZIP_END_BYTES], const ig_zip *zip,
                             ingot_error *err)
{
    uint8_t *tail;
    const size_t n = (size_t)IG_MIN(zip->file_bytes, (uint64_t)COMMENT_LIMIT + ZIP_END_BYTES);
    if (n < ZIP_END_BYTES)
        return ig_fail(err, INGOT_E_DATA, "not a zip archive: only %zu bytes", n);
    tail = ig_take(zip->heap, n);
    if (!tail) return ig_fail(err, INGOT_E_NOMEM, "zip: %zu bytes", n);
    ingot_status s = read_at(tail, zip, zip->file_bytes - n, n, err);
    bool found = false;
    for (size_t i = n - ZIP_END_BYTES + 1; !s && !found && i-- > 0;) {
        found =
            le32(tail + i) == ZIP_END && le16(tail + i + END_COMMENT_LEN) == n - i - ZIP_END_BYTES;
        if (!found) continue;
        *at = zip->file_bytes - n + i;
        memcpy(end, tail + i, ZIP_END_BYTES);
    }
    ig_give(zip->heap, tail, n);
    if (!s && !found)
        s = ig_fail(err, INGOT_E_DATA, "not a zip archive, or its end is cut off (no end record)");
    return s;
}

/* Reads the end records: where the directory is, and how many members it should have. */
static ingot_status locate(uint64_t *count, ig_zip *zip, ingot_error *err)
{
    uint8_t end[ZIP_END_BYTES] = {0}, locator[ZIP_LOCATOR64_BYTES], end64[ZIP_END64_BYTES];
    uint64_t at = 0;
    IG_TRY(find_end(&at, end, zip, err));
    *count = le16(end + END_COUNT);
    zip->directory_bytes = le32(end + END_DIRECTORY_BYTES);
    zip->directory_at = le32(end + END_DIRECTORY_AT);
    if (le32(end + END_DISK) != 0)
        return ig_fail(err, INGOT_E_DATA, "zip: archives of several volumes are not read");
    if (at >= ZIP_LOCATOR64_BYTES) {
        IG_TRY(read_at(locator, zip, at - ZIP_LOCATOR64_BYTES, sizeof locator, err));
        if (le32(locator) == ZIP_LOCATOR64) {
            at = le64(locator + LOCATOR64_AT);
            IG_TRY(read_at(end64, zip, at, sizeof end64, err));
            if (le32(end64) != ZIP_END64)
                return ig_fail(err, INGOT_E_DATA, "zip: no zip64 end record at byte %" PRIu64, at);
            *count = le64(end64 + END64_COUNT);
            zip->directory_bytes = le64(end64 + END64_DIRECTORY_BYTES);
            zip->directory_at = le64(end64 + END64_DIRECTORY_AT);
        }
    }
    if (!ig_range_ok(zip->directory_at, zip->directory_bytes, at) ||
        *count > zip->directory_bytes / ZIP_CENTRAL_BYTES)
        return ig_fail(err, INGOT_E_DATA,
                       "zip: a directory of %" PRIu64 " members in %" PRIu64
                       " bytes at byte %" PRIu64 " does not fit the file (%" PRIu64 " bytes)",
                       *count, zip->directory_bytes, zip->directory_at, zip->file_bytes);
    return INGOT_OK;
}

/* A field of all ones is replaced by the next value of the zip64 extra field. */
static bool widen(uint64_t *field, const uint8_t **extra, size_t *left)
{
    if (*field != UINT32_MAX) return true;
    if (*left < 8) return false;
    *field = le64(*extra);
    *extra += 8;
    *left -= 8;
    return true;
}

static bool read_extra(ig_zip_member *m, const uint8_t *extra, size_t n)
{
    while (n >= 4) {
        size_t len = le16(extra + 2);
        const bool wanted = le16(extra) == ZIP_EXTRA64;
        extra += 4;
        n -= 4;
        if (len > n) return false;
        if (wanted)
            return widen(&m->bytes, &extra, &len) && widen(&m->packed_bytes, &extra, &len) &&
                   widen(&m->local_at, &extra, &len);
        extra += len;
        n -= len;
    }
    return true; /* without the field, all ones are what they say */
}

static ingot_status check_member(const ig_zip_member *m, unsigned flags, ingot_error *err)
{
    const int len = (int)IG_MIN(m->name_len, (size_t)100);
    if (memchr(m->name, 0, m->name_len))
        return ig_fail(err, INGOT_E_DATA, "zip: a member's name holds a NUL byte");
    if (flags & ZIP_FLAG_ENCRYPTED)
        return ig_fail(err, INGOT_E_DATA, "zip: %.*s is encrypted", len, m->name);
    if (m->method != ZIP_STORED && m->method != ZIP_DEFLATED)
        return ig_fail(err, INGOT_E_DATA,
                       "zip: %.*s is compressed by method %d; stored and deflated ones are read",
                       len, m->name, m->method);
    if (m->method == ZIP_STORED ? m->bytes != m->packed_bytes
                                : m->bytes / DEFLATE_RATIO > m->packed_bytes)
        return ig_fail(err, INGOT_E_DATA,
                       "zip: %.*s claims to be %" PRIu64 " bytes, packed in %" PRIu64, len, m->name,
                       m->bytes, m->packed_bytes);
    return INGOT_OK;
}

static ingot_status read_member(ig_zip_member *m, size_t *at, const ig_zip *zip, ingot_error *err)
{
    const size_t left = (size_t)zip->directory_bytes - *at;
    const uint8_t *p = zip->directory + *at;
    if (left < ZIP_CENTRAL_BYTES || le32(p) != ZIP_CENTRAL)
        return ig_fail(err, INGOT_E_DATA, "zip: the directory is damaged at its byte %zu", *at);
    const size_t name = le16(p + CENTRAL_NAME_LEN), extra = le16(p + CENTRAL_EXTRA_LEN);
    const size_t all = ZIP_CENTRAL_BYTES + name + extra + le16(p + CENTRAL_COMMENT_LEN);
    *m = (ig_zip_member){.name = (const char *)p + ZIP_CENTRAL_BYTES,
                         .name_len = name,
                         .local_at = le32(p + CENTRAL_LOCAL_AT),
                         .packed_bytes = le32(p + CENTRAL_PACKED),
                         .bytes = le32(p + CENTRAL_SIZE),
                         .crc = le32(p + CENTRAL_CRC),
                         .method = le16(p + CENTRAL_METHOD)};
    if (all > left || !read_extra(m, p + ZIP_CENTRAL_BYTES + name, extra))
        return ig_fail(err, INGOT_E_DATA, "zip: the directory is damaged at its byte %zu", *at);
    *at += all;
    return check_member(m, le16(p + CENTRAL_FLAGS), err);
}

static ingot_status read_directory(ig_zip *zip, uint64_t count, ingot_error *err)
{
    uint64_t packed = 0;
    size_t at = 0;
    zip->directory = ig_take(zip->heap, (size_t)zip->directory_bytes);
    zip->members = ig_take(zip->heap, (size_t)count * sizeof *zip->members);
    zip->n = (size_t)count;
    if (!zip->directory || !zip->members)
        return ig_fail(err, INGOT_E_NOMEM, "zip: %" PRIu64 " members", count);
    IG_TRY(read_at(zip->directory, zip, zip->directory_at, (size_t)zip->directory_bytes, err));
    for (size_t i = 0; i < zip->n; i++) {
        IG_TRY(read_member(&zip->members[i], &at, zip, err));
        if (!ig_add_ok(packed, zip->members[i].packed_bytes, &packed) || packed > zip->file_bytes)
            return ig_fail(err, INGOT_E_DATA, "zip: members claim more bytes than the file has");
    }
    return INGOT_OK;
}

ingot_status ig_zip_open(ig_zip *zip, ig_heap *heap, int fd, uint64_t file_bytes, ingot_error *err)
{
    uint64_t count = 0;
    *zip = (ig_zip){.fd = fd, .heap = heap, .file_bytes = file_bytes};
    ingot_status s = locate(&count, zip, err);
    if (!s) s = read_directory(zip, count, err);
    if (s) ig_zip_close(zip);
    return s;
}

void ig_zip_close(ig_zip *zip)
{
    ig_give(zip->heap, zip->directory, (size_t)zip->directory_bytes);
    ig_give(zip->heap, zip->members, zip->n * sizeof *zip->members);
    zip->directory = NULL;
    zip->members = NULL;
    zip->n = 0;
}
