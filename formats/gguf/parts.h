/* parts.h - GGUF models in several files, NAME-00001-of-00003.gguf and so on: the first holds the
 * keys, each some of the tensors. */
#ifndef IG_GGUF_PARTS_H
#define IG_GGUF_PARTS_H

#include "formats/gguf/gguf.h"
#include "formats/import.h"

typedef struct {
    ig_gguf gguf;
    const atomic_bool *bad; /* raised when the part's file could not be read; NULL for the source */
} ig_gguf_part;

/* ig_gguf_parts - *parts [*n], the source, which is read already, and after it the other files of
 * its model; these stay mapped as long as the graph lives. Errors: E_ARG (the source is not the
 * first part, or not named as one), E_IO (a part is missing: names it), E_FORMAT (parts of another
 * model: their numbers or their tensors do not add up), E_NOMEM. */
ingot_status ig_gguf_parts(ig_gguf_part **parts, size_t *n, ig_graph *graph, const ig_source *src,
                           const ig_gguf *first, ingot_error *err);

#endif
