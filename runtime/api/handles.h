/* handles.h - what is behind the public handles. Internal: tools and tests may look inside. */
#ifndef IG_HANDLES_H
#define IG_HANDLES_H

#include "formats/ingot/ingot_file.h"
#include "runtime/base/log.h"
#include "runtime/device/plugin.h"
#include "runtime/graph/exec.h"

struct ingot_runtime {
    ig_heap heap;
    ig_log log;
    ig_pool *pool;
    ig_devices devices;
    bool guard_maps;
};

struct ingot_model {
    ingot_runtime *rt;
    ig_ingot *file;
    atomic_size_t holds; /* the caller's and each session's */
};

void ig_model_drop(ingot_model *model); /* give up one hold */

/* ig_copy_options - the caller's option struct (NULL: defaults) over zeros; its size field may be
 * an older header's. E_ARG otherwise. */
ingot_status ig_copy_options(void *mine, size_t bytes, const void *theirs, const char *what,
                             ingot_error *err);

/* Values by name or position. Items of sequences live in the arena. E_DATA names what the model
 * has. */
ingot_status ig_place_inputs(ig_tensor *placed, const ig_graph *g, const ingot_tensor *in,
                             size_t n_in, ig_arena *items, ingot_error *err);
void ig_to_public(ingot_tensor *out, const ig_tensor *t, const char *name);

/* ig_session_exec - for tools that show a plan's steps. */
const ig_exec *ig_session_exec(const ingot_session *s);

#endif
