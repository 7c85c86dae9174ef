/* zip_writer.h - writing zip archives of stored members into any sink.
 *
 * zip64 fields are written where a size or place needs them. All times are 1980-01-01: the same
 * arrays give the same bytes. */
#ifndef IG_ZIP_WRITER_H
#define IG_ZIP_WRITER_H

#include "runtime/base/alloc.h"
#include "tools/data/stream.h"

typedef struct {
    ig_sink *to;
    ig_heap *heap;
    uint64_t at;         /* bytes written */
    uint64_t zip64_from; /* sizes and places from here on take zip64 fields */
    uint8_t *directory;  /* its records so far */
    size_t directory_bytes, room;
    uint64_t n;
} ig_zip_writer;

/* zip64_from 0: as the format demands (0xffffffff); tests lower it. */
void ig_zip_writer_init(ig_zip_writer *w, ig_heap *heap, ig_sink *to, uint64_t zip64_from);

/* ig_zip_writer_member - begin a member of exactly `bytes` bytes with that checksum; the caller
 * then puts them into the sink. Errors: E_ARG (the name is longer than 65,535 bytes), E_NOMEM, the
 * sink's. */
ingot_status ig_zip_writer_member(ig_zip_writer *w, const char *name, size_t name_len,
                                  uint64_t bytes, uint32_t crc, ingot_error *err);

/* ig_zip_writer_finish - the directory. clear frees, at any time. */
ingot_status ig_zip_writer_finish(ig_zip_writer *w, ingot_error *err);
void ig_zip_writer_clear(ig_zip_writer *w);

#endif
