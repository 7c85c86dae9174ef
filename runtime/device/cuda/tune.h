/* tune.h - which variant of a kernel a step runs on, where measuring has told.
 *
 * A model of the chip ranks the variants; INGOT_AUTOTUNE says what else is asked:
 *
 *   off     nothing
 *   cached  what the file of measured choices has (the default)
 *   full    that; what it lacks is measured when the step is bound, and written there
 *
 * A choice is known by the device, its driver, this build of the plugin, and a text of the op's:
 * kernel, types and sizes, of which those that vary from run to run are rounded up (ig_cu_bucket).
 * Steps of equal texts share it, in this process and in later ones. */
#ifndef IG_CU_TUNE_H
#define IG_CU_TUNE_H

#include "runtime/device/cuda/op.h"

enum { IG_CU_TRIALS = 3, IG_CU_TUNE_NAME = 64, IG_CU_TUNE_WHAT = 160 };

typedef struct {
    char what[IG_CU_TUNE_WHAT];                /* no tabs */
    size_t n;                                  /* variants, the model's order: 1 to IG_CU_TRIALS */
    char names[IG_CU_TRIALS][IG_CU_TUNE_NAME]; /* as the file keeps them; no tabs */
    /* Device memory of a trial. Its first `zeros` bytes are zeros, which a run must leave so; the
     * others are numbers near one and of either sign in any type of floats. */
    size_t bytes, zeros;
    int (*run)(const void *ud, size_t i, char *room, cu_stream s); /* launches variant i */
    const void *ud;
} ig_cu_trial;

/* ig_cu_tune - the name of the variant to run, or "": nobody knows, take the model's. A name may be
 * none of t->names: another size of the bucket made it, or a person. Errors: E_DEVICE. A device
 * without room for a trial, and a file that cannot be written, are said in the log.
 * Threads: any; one trial at a time. It takes milliseconds to seconds. */
ingot_status ig_cu_tune(ig_device *d, const ig_cu_trial *t, char name[IG_CU_TUNE_NAME],
                        ingot_error *err);

/* ig_cu_trial_room - room for n * m * each bytes more in t->bytes, aligned; false: no device has
 * that. ig_cu_trial_named - which of t->names `name` is; t->n: none. */
bool ig_cu_trial_room(ig_cu_trial *t, size_t *at, size_t n, size_t m, size_t each);
size_t ig_cu_trial_named(const ig_cu_trial *t, const char *name);

/* ig_cu_bucket - n rounded up to one or two leading bits: 1, 2, 3, 4, 6, 8, 12, 16, 24 .. */
int64_t ig_cu_bucket(int64_t n);

/* ig_cu_tuned_name - `kernel` as ig_device_bind.kernel for people: with the word that it was
 * measured. The arena's, or `kernel` itself where that is full. */
const char *ig_cu_tuned_name(ig_device_bind *b, const char *kernel);

#endif
