/* zip.h - reading zip archives: the directory, then stored or deflated members one at a time.
 *
 * Sizes and checksums come from the central directory, so members with data descriptors need no
 * care. Nothing of the archive is trusted: members lie inside the file, do not share bytes, and
 * claim no more than deflate can give (1032 times what is there). */
#ifndef IG_ZIP_H
#define IG_ZIP_H

#include "runtime/base/alloc.h"
#include "tools/data/stream.h"

typedef struct {
    const char *name; /* not terminated; in the zip's own copy of the directory */
    size_t name_len;
    uint64_t local_at, packed_bytes, bytes;
    uint32_t crc;
    uint16_t method;
} ig_zip_member;

typedef struct {
    int fd;
    ig_heap *heap;
    uint64_t file_bytes;
    uint64_t directory_at, directory_bytes;
    uint8_t *directory;
    ig_zip_member *members;
    size_t n;
} ig_zip;

/* ig_zip_open - read the directory of an open file (borrowed). Errors: E_DATA, E_NOMEM, E_IO; the
 * zip is closed then. ig_zip_close frees; zip may be closed already. */
ingot_status ig_zip_open(ig_zip *zip, ig_heap *heap, int fd, uint64_t file_bytes, ingot_error *err);
void ig_zip_close(ig_zip *zip);

/* A member being read, as a source of its unpacked bytes. */
typedef struct ig_zip_reader {
    ig_source source;
    ig_file_source packed;
    const ig_zip_member *member;
    ig_heap *heap;
    struct inflater *inflater; /* NULL for stored members */
    uint32_t crc;
} ig_zip_reader;

/* ig_zip_reader_open - begin a member. Errors: E_DATA, E_NOMEM, E_IO. After reading,
 * ig_zip_reader_check says whether the whole member was read and is intact (E_DATA). close frees,
 * also after a failed open. */
ingot_status ig_zip_reader_open(ig_zip_reader *r, const ig_zip *zip, const ig_zip_member *member,
                                ingot_error *err);
ingot_status ig_zip_reader_check(ig_zip_reader *r, ingot_error *err);
void ig_zip_reader_close(ig_zip_reader *r);

#endif
