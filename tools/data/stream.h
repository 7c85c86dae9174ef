/* stream.h - bytes coming in and going out, without saying where from or where to.
 *
 * An array is decoded from a plain file, a stored or a deflated member of an archive, and encoded
 * into a file or a checksum, by the same code. */
#ifndef IG_STREAM_H
#define IG_STREAM_H

#include "runtime/base/status.h"

typedef struct ig_source {
    ingot_status (*read)(struct ig_source *s, void *to, size_t n, ingot_error *err);
    uint64_t left; /* bytes that are still to come; never more is asked of read */
} ig_source;

typedef struct ig_sink {
    ingot_status (*put)(struct ig_sink *s, const void *p, size_t n, ingot_error *err);
} ig_sink;

/* ig_source_read - exactly n bytes. Errors: E_DATA (fewer are left), those of the source. */
ingot_status ig_source_read(ig_source *s, void *to, size_t n, ingot_error *err);

/* A range of an open file; reads do not move the file's own position. */
typedef struct {
    ig_source source;
    int fd;
    uint64_t at;
} ig_file_source;

void ig_file_source_init(ig_file_source *f, int fd, uint64_t at, uint64_t n);

/* ig_input_open - a regular file for reading; the descriptor, its size. Errors: E_DATA (missing,
 * not readable, not a regular file). The text names the path. */
ingot_status ig_input_open(int *fd, uint64_t *size, const char *path, ingot_error *err);

#endif
