/* output.h - a file that appears whole or not at all: a sink into a temporary file beside the
 * target, synced and renamed at commit. A target that exists and is no regular file is refused. */
#ifndef IG_OUTPUT_H
#define IG_OUTPUT_H

#include "tools/data/stream.h"

enum { IG_OUTPUT_PATH = 4096, IG_OUTPUT_BUFFER = 64 << 10 };

typedef struct {
    ig_sink sink;
    const char *path; /* borrowed */
    int fd;
    size_t used;
    char temporary[IG_OUTPUT_PATH];
    uint8_t buffer[IG_OUTPUT_BUFFER];
} ig_output;

/* Errors: E_ARG (the target is a folder or a device, the path is too long), E_IO. The texts name
 * the path. */
ingot_status ig_output_open(ig_output *o, const char *path, ingot_error *err);

/* ig_output_commit - write out, sync, rename. On failure the target is as it was. */
ingot_status ig_output_commit(ig_output *o, ingot_error *err);

/* ig_output_close - after commit nothing; before it, the temporary file goes. */
void ig_output_close(ig_output *o);

/* ig_output_unlink_all - remove the temporaries of all open outputs of this process; safe in a
 * signal handler that ends the process. */
void ig_output_unlink_all(void);

#endif
