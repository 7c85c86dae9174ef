/* safetensors.h - reading safetensors files where they lie:
 *
 *     u64 bytes of the header, header (JSON), tensors
 *     {"NAME": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {..}}
 *
 * and folders of several with an index. Nothing is trusted: every tensor's bytes lie within its
 * file, are as many as its type and shape say, and belong to no other tensor. */
#ifndef IG_SAFETENSORS_H
#define IG_SAFETENSORS_H

#include "formats/llm/weights.h"
#include "runtime/base/file.h"

/* ig_safetensors_read - the tensors of one file, appended to c; texts and tables go to the arena,
 * data stays in bytes[0, n). bad: see ig_stored, may be NULL. Errors: E_FORMAT (says what and
 * where), E_NOMEM. */
ingot_status ig_safetensors_read(ig_checkpoint *c, ig_arena *arena, const void *bytes, size_t n,
                                 const atomic_bool *bad, ingot_error *err);

/* The mapped files of a checkpoint. */
typedef struct {
    ig_map *maps;
    size_t n;
} ig_shards;

/* ig_shards_open - model.safetensors of the folder, or all files that
 * model.safetensors.index.json names; *c is sorted then. The maps live until ig_shards_close.
 * Errors: E_IO (a file is missing: names it), E_FORMAT, E_UNSUPPORTED (no such file, but a pickle),
 * E_NOMEM. */
ingot_status ig_shards_open(ig_checkpoint *c, ig_shards *shards, ig_arena *arena,
                            const char *folder, ingot_error *err);
void ig_shards_close(ig_shards *shards);

#endif
