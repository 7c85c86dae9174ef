/* zip_reader.c - the bytes of one member, inflated as they are asked for; see zip.h. */
#include "runtime/base/checked.h"
#include "tools/data/crc32.h"
#include "tools/data/zip.h"
#include "tools/data/zip_layout.h"

#include <inttypes.h>
#include <string.h>

static ingot_status read_stored(ig_source *s, void *to, size_t n, ingot_error *err)
{
    ig_zip_reader *r = (ig_zip_reader *)s;
    IG_TRY(ig_source_read(&r->packed.source, to, n, err));
    r->crc = ig_crc32(r->crc, to, n);
    return INGOT_OK;
}

#if IG_HAVE_ZLIB
#    include <zlib.h>

enum { CHUNK = 64 << 10 };

typedef struct inflater {
    z_stream z;
    bool ended;
    uint8_t chunk[CHUNK];
} inflater;

static ingot_status more_input(ig_zip_reader *r, ingot_error *err)
{
    inflater *f = r->inflater;
    const size_t n = (size_t)IG_MIN(r->packed.source.left, (uint64_t)CHUNK);
    if (!n) return ig_fail(err, INGOT_E_DATA, "the compressed bytes end early");
    f->z.next_in = f->chunk;
    f->z.avail_in = (uInt)n;
    return ig_source_read(&r->packed.source, f->chunk, n, err);
}

static ingot_status read_deflated(ig_source *s, void *to, size_t n, ingot_error *err)
{
    ig_zip_reader *r = (ig_zip_reader *)s;
    inflater *f = r->inflater;
    f->z.next_out = to;
    for (size_t left = n; left;) {
        if (f->ended) return ig_fail(err, INGOT_E_DATA, "the compressed bytes hold less than said");
        if (!f->z.avail_in) IG_TRY(more_input(r, err));
        const uInt room = (uInt)IG_MIN(left, (size_t)1 << 30);
        f->z.avail_out = room;
        const int rc = inflate(&f->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return ig_fail(err, rc == Z_MEM_ERROR ? INGOT_E_NOMEM : INGOT_E_DATA,
                           "the compressed bytes are damaged (%s)",
                           f->z.msg ? f->z.msg : "inflate");
        f->ended = rc == Z_STREAM_END;
        left -= room - f->z.avail_out;
    }
    r->crc = ig_crc32(r->crc, to, n);
    return INGOT_OK;
}

static ingot_status open_inflater(ig_zip_reader *r, ingot_error *err)
{
    r->inflater = ig_take0(r->heap, sizeof *r->inflater);
    if (!r->inflater || inflateInit2(&r->inflater->z, -MAX_WBITS) != Z_OK)
        return ig_fail(err, INGOT_E_NOMEM, "inflating");
    r->source.read = read_deflated;
    return INGOT_OK;
}

/* All that was promised is out; what the stream still holds, if anything, must be its end. */
static bool inflated_all(ig_zip_reader *r)
{
    inflater *f = r->inflater;
    uint8_t extra;
    while (!f->ended) {
        if (!f->z.avail_in && more_input(r, NULL)) return false;
        f->z.next_out = &extra;
        f->z.avail_out = 1;
        const int rc = inflate(&f->z, Z_NO_FLUSH);
        if ((rc != Z_OK && rc != Z_STREAM_END) || !f->z.avail_out) return false;
        f->ended = rc == Z_STREAM_END;
    }
    return true;
}

static void close_inflater(ig_zip_reader *r)
{
    inflateEnd(&r->inflater->z);
    ig_give(r->heap, r->inflater, sizeof *r->inflater);
}

#else

static ingot_status open_inflater(ig_zip_reader *r, ingot_error *err)
{
    (void)r;
    return ig_fail(err, INGOT_E_DATA,
                   "it is compressed, and this build has no zlib (np.savez stores without)");
}
static bool inflated_all(ig_zip_reader *r) { return r != NULL; }
static void close_inflater(ig_zip_reader *r) { (void)r; }

#endif

ingot_status ig_zip_reader_open(ig_zip_reader *r, const ig_zip *zip, const ig_zip_member *member,
                                ingot_error *err)
{
    uint8_t local[ZIP_LOCAL_BYTES];
    ig_file_source f;
    *r = (ig_zip_reader){.source = {.read = read_stored, .left = member->bytes},
                         .member = member,
                         .heap = zip->heap};
    if (!ig_range_ok(member->local_at, sizeof local, zip->directory_at))
        return ig_fail(err, INGOT_E_DATA, "it begins at byte %" PRIu64 ", past the members' part",
                       member->local_at);
    ig_file_source_init(&f, zip->fd, member->local_at, sizeof local);
    IG_TRY(ig_source_read(&f.source, local, sizeof local, err));
    const uint64_t data = member->local_at + sizeof local + le16(local + LOCAL_NAME_LEN) +
                          le16(local + LOCAL_EXTRA_LEN);
    if (le32(local) != ZIP_LOCAL || !ig_range_ok(data, member->packed_bytes, zip->directory_at))
        return ig_fail(err, INGOT_E_DATA, "its header at byte %" PRIu64 " is damaged",
                       member->local_at);
    ig_file_source_init(&r->packed, zip->fd, data, member->packed_bytes);
    return member->method == ZIP_DEFLATED ? open_inflater(r, err) : INGOT_OK;
}

ingot_status ig_zip_reader_check(ig_zip_reader *r, ingot_error *err)
{
    if (r->source.left || (r->inflater && !inflated_all(r)))
        return ig_fail(err, INGOT_E_DATA, "its bytes do not end where the directory says");
    if (r->crc != r->member->crc)
        return ig_fail(err, INGOT_E_DATA,
                       "damaged: checksum %08" PRIx32 ", the directory says %08" PRIx32, r->crc,
                       r->member->crc);
    return INGOT_OK;
}

void ig_zip_reader_close(ig_zip_reader *r)
{
    if (r->inflater) close_inflater(r);
    r->inflater = NULL;
}
