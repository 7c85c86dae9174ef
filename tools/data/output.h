/* output.h - the house's file writer (a file that appears whole or not at all) as a sink. */
#ifndef IG_OUTPUT_H
#define IG_OUTPUT_H

#include "runtime/base/file.h"
#include "tools/data/stream.h"

typedef struct {
    ig_sink sink;
    ig_writer writer;
} ig_output;

/* Errors as ig_writer_open's; the texts name the path. */
ingot_status ig_output_open(ig_output *o, ig_heap *heap, const char *path, ingot_error *err);

/* ig_output_end - where s is INGOT_OK the file gets its name, else nothing is left of it. Returns
 * s, or why the commit failed. */
ingot_status ig_output_end(ig_output *o, ingot_status s, ingot_error *err);

#endif
