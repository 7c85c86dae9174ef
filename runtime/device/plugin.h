/* plugin.h - finding the plugin for CUDA devices, and the devices that a runtime holds open.
 *
 * The plugin is libingot_cuda.so, looked for once a process: where INGOT_CUDA_PLUGIN says (a file;
 * "" or "none": nowhere), beside this library or command, in the lib folder next to its folder, and
 * on the loader's path. Without it, or where it finds no device, everything runs on the CPU. */
#ifndef IG_DEVICE_PLUGIN_H
#define IG_DEVICE_PLUGIN_H

#include "runtime/device/device.h"

#include <pthread.h>

/* ig_plugin - its table, or NULL: the reason is in err, the same at every call. *path (may be
 * NULL): where it was found, NULL where it was not. Threads: any. */
const ig_device_api *ig_plugin(const char **path, ingot_error *err);

/* ig_plugin_has - the plugin has kernels for that op; whether a step of it runs on a device its
 * sizes and types tell. false also without the plugin. */
bool ig_plugin_has(const char *op);

/* ---- names: "cpu", "auto", "cuda" or "cuda:N" ---- */
typedef enum { IG_ON_CPU, IG_ON_AUTO, IG_ON_CUDA } ig_device_kind;

/* ig_device_name - E_ARG: no such name. *ordinal of "cuda" is 0. NULL is "cpu". */
ingot_status ig_device_name(ig_device_kind *kind, int *ordinal, const char *name, ingot_error *err);

/* ---- devices that are open ---- */
typedef struct ig_open_device ig_open_device;

/* Those of a runtime: each device is opened when it is first asked for, and stays open while it is
 * well. All who use a device, in whatever runtime of the process, share one budget. */
typedef struct {
    ig_heap *heap;
    const ig_log *log;
    pthread_mutex_t lock;
    ig_open_device *first;
} ig_devices;

void ig_devices_init(ig_devices *ds, ig_heap *heap, const ig_log *log);
void ig_devices_clear(ig_devices *ds); /* all were given back */

typedef struct {
    const char *name;       /* as above */
    size_t budget_bytes;    /* of memory; 0: */
    double budget_fraction; /* of what is free when it is opened; 0: the default, or what it has */
} ig_device_wish;

/* What was found. */
typedef struct {
    ig_open_device *open;     /* NULL: the CPU */
    const ig_device_api *api; /* NULL: the CPU */
    ig_device *device;
    const char *name; /* "cpu", "cuda:0"; lives as long as the ig_devices */
    bool may_fall_back;
} ig_found_device;

/* ig_devices_take - the device of that name; "auto": the first that can be used, else the CPU, and
 * the log says why. Give back what was taken. Errors: E_ARG (no such name, a budget that is larger
 * than the memory or another than the open device's), E_DEVICE (there is none, or it is lost),
 * E_NOMEM. Threads: any. */
ingot_status ig_devices_take(ig_devices *ds, ig_found_device *out, const ig_device_wish *wish,
                             ingot_error *err);
void ig_devices_give(ig_devices *ds, ig_found_device *found);

#endif
