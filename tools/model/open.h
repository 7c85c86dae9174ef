/* open.h - what every subcommand that works on a model does first: a runtime and the model.
 *
 * A model that is missing, unreadable or malformed is exit code 3 whatever else is wrong with the
 * command line, so it is opened before input data are looked at. Pages of a file that is cut off
 * while it is in use are guarded (runtime/base/fault.h). */
#ifndef IG_TOOL_OPEN_H
#define IG_TOOL_OPEN_H

#include "runtime/api/handles.h"
#include "tools/cli/cli.h"

typedef struct {
    ingot_runtime *rt;
    ingot_model *model;
} ig_opened;

typedef struct {
    int64_t threads; /* 0: all cores that this process may use */
    bool quiet;      /* no warnings on standard error */
    bool check_digests;
} ig_open_options;

/* ig_open_model - on failure *o is closed and cli->exit_code says what kind it was. */
ingot_status ig_open_model(ig_opened *o, ig_cli *cli, const char *path,
                           const ig_open_options *options, ingot_error *err);
void ig_close_model(ig_opened *o); /* may be closed or zero */

/* ig_model_failed - for any later failure of a model itself: exit code 3, or 5 for memory. */
ingot_status ig_model_failed(ig_cli *cli, ingot_status s);

/* ig_model_computes - exit code 3 for a file without a graph: one that holds only a tokenizer. */
ingot_status ig_model_computes(ig_cli *cli, const ig_opened *o, const char *path, ingot_error *err);

/* Where to run, for commands with IG_OPTIONS_DEVICE. */
typedef struct {
    const char *name, *memory; /* as given; NULL: auto, the default */
} ig_device_args;

/* ig_device_given - as options of a session. Errors: E_ARG, what was given is not one. */
ingot_status ig_device_given(ingot_session_options *o, const ig_device_args *a, ingot_error *err);

extern const char *const ig_maths[]; /* "exact", "fast" */

/* The same for all: --threads, --math, and --device with --gpu-mem. */
#define IG_OPTION_THREADS(type)                                                                   \
    {                                                                                             \
        .name = "threads", .letter = 't', .arg = "N", .kind = IG_OPT_INT, .low = 0, .high = 1024, \
        .offset = offsetof(type, threads),                                                        \
        .help = "threads to use; 0: all cores that this process may use"                          \
    }
#define IG_OPTION_MATH(type)                                                               \
    {                                                                                      \
        .name = "math", .arg = "M", .kind = IG_OPT_CHOICE, .choices = ig_maths,            \
        .offset = offsetof(type, math),                                                    \
        .help = "exact gives the same bits for every batch size, chunk, thread count and " \
                "processor; fast may use faster methods that do not"                       \
    }
#define IG_OPTIONS_DEVICE(type)                                                               \
    {.name = "device",                                                                        \
     .arg = "D",                                                                              \
     .kind = IG_OPT_TEXT,                                                                     \
     .offset = offsetof(type, device.name),                                                   \
     .help = "where to run: cpu, cuda:0, or auto (the first device that can be used, else "   \
             "the CPU); not given: auto"},                                                    \
    {                                                                                         \
        .name = "gpu-mem", .arg = "M", .kind = IG_OPT_TEXT,                                   \
        .offset = offsetof(type, device.memory),                                              \
        .help = "memory to use on the device at most: bytes as 8G, or a fraction of what is " \
                "free as 0.5; not given: 0.9"                                                 \
    }

#endif
