/* output.c - see output.h. */
#include "tools/data/output.h"

static ingot_status put(ig_sink *s, const void *p, size_t n, ingot_error *err)
{
    return ig_writer_put(&((ig_output *)s)->writer, p, n, err);
}

ingot_status ig_output_open(ig_output *o, ig_heap *heap, const char *path, ingot_error *err)
{
    o->sink.put = put;
    return ig_writer_open(&o->writer, heap, path, err);
}

ingot_status ig_output_end(ig_output *o, ingot_status s, ingot_error *err)
{
    if (!s) return ig_writer_commit(&o->writer, err);
    ig_writer_abort(&o->writer);
    return s;
}
