/* plugin.c - see plugin.h. */
#include "runtime/device/plugin.h"
#include "runtime/base/checked.h"
#include "runtime/base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "libingot_cuda.so"

/* ---- the library ---- */

static struct {
    pthread_once_t once;
    const ig_device_api *api;
    char path[1024]; /* "": not found */
    ingot_error why;
} plugin = {.once = PTHREAD_ONCE_INIT};

static bool open_file(const char *path)
{
    typedef const ig_device_api *give_table(void);
    give_table *table = NULL;
    if (ig_library_is_cut(path)) {
        (void)ig_fail(&plugin.why, INGOT_E_DEVICE,
                      "%.300s is cut off: it is shorter than it says (install it again)", path);
        return false;
    }
    void *library = ig_library_open(&path, 1);
    if (!library) {
        const char *why = dlerror();
        (void)ig_fail(&plugin.why, INGOT_E_DEVICE, "%.200s cannot be loaded: %.240s", path,
                      why ? why : "the loader does not say why");
        return false;
    }
    snprintf(plugin.path, sizeof plugin.path, "%s", path);
    ig_library_find(library, "ingot_cuda_plugin_v1", &table);
    if (!table) {
        (void)ig_fail(&plugin.why, INGOT_E_DEVICE,
                      "%.300s is no CUDA plugin of Ingot (it has no ingot_cuda_plugin_v1)", path);
        return false;
    }
    const ig_device_api *api = table();
    if (!api || api->abi != IG_DEVICE_ABI || api->bytes != sizeof *api) {
        (void)ig_fail(&plugin.why, INGOT_E_DEVICE,
                      "%.300s is of another version of Ingot than this one (%s); install both "
                      "together",
                      path, IG_VERSION);
        return false;
    }
    plugin.api = api;
    return true;
}

/* Where this code lies: the library's folder, or the command's. */
static bool own_folder(char *out, size_t room)
{
    Dl_info info;
    char file[1024] = "";
    const ssize_t n = readlink("/proc/self/exe", file, sizeof file - 1);
    if (dladdr((const void *)&plugin, &info) && info.dli_fname && strchr(info.dli_fname, '/') &&
        strstr(info.dli_fname, ".so"))
        snprintf(file, sizeof file, "%s", info.dli_fname);
    else
        file[n > 0 ? n : 0] = 0;
    char *slash = strrchr(file, '/');
    if (!slash) return false;
    *slash = 0;
    return (size_t)snprintf(out, room, "%s", file) < room;
}

static void look(void)
{
    const char *named = getenv("INGOT_CUDA_PLUGIN");
    char folder[1000], path[1100];
    static const char *const beside[] = {"", "/..", "/../" IG_LIBDIR};
    (void)ig_fail(&plugin.why, INGOT_E_DEVICE,
                  "the CUDA plugin (" FILE_NAME ") is not installed; INGOT_CUDA_PLUGIN names it "
                  "where it lies elsewhere");
    if (named && (!*named || !strcmp(named, "none"))) {
        (void)ig_fail(&plugin.why, INGOT_E_DEVICE,
                      "the CUDA plugin is turned off by INGOT_CUDA_PLUGIN");
        return;
    }
    if (named) {
        (void)open_file(named);
        return;
    }
    for (size_t i = 0; own_folder(folder, sizeof folder) && i < IG_LEN(beside); i++) {
        snprintf(path, sizeof path, "%s%s/" FILE_NAME, folder, beside[i]);
        if (access(path, F_OK)) continue;
        (void)open_file(path);
        return;
    }
    const ingot_error missing = plugin.why;
    if (!open_file(FILE_NAME) && !*plugin.path) plugin.why = missing;
}

const ig_device_api *ig_plugin(const char **path, ingot_error *err)
{
    pthread_once(&plugin.once, look);
    if (path) *path = *plugin.path ? plugin.path : NULL;
    if (!plugin.api && err) *err = plugin.why;
    return plugin.api;
}

bool ig_plugin_has(const char *op)
{
    const ig_device_api *api = ig_plugin(NULL, NULL);
    for (size_t i = 0; api && api->op(i); i++)
        if (!strcmp(api->op(i), op)) return true;
    return false;
}

/* ---- names ---- */

ingot_status ig_device_name(ig_device_kind *kind, int *ordinal, const char *name, ingot_error *err)
{
    *ordinal = 0;
    *kind = IG_ON_CPU;
    if (!name || !strcmp(name, "cpu")) return INGOT_OK;
    *kind = IG_ON_AUTO;
    if (!strcmp(name, "auto")) return INGOT_OK;
    *kind = IG_ON_CUDA;
    if (!strcmp(name, "cuda")) return INGOT_OK;
    const size_t digits = !strncmp(name, "cuda:", 5) ? strspn(name + 5, "0123456789") : 0;
    if (strchr(name, ','))
        return ig_fail(err, INGOT_E_ARG,
                       "'%.60s': only a language model that answers can be shared by several "
                       "devices; give one",
                       name);
    if (!digits || digits > 3 || name[5 + digits])
        return ig_fail(err, INGOT_E_ARG, "no device is called '%.60s': auto, cpu or cuda:0", name);
    *ordinal = atoi(name + 5);
    return INGOT_OK;
}

/* ---- devices that are open ---- */

/* The runtime's own hold of a device, so that its memory and weights stay between sessions. One
 * that is lost is not held: it could not be reset. */
struct ig_open_device {
    ig_open_device *next;
    ig_device *device; /* NULL: not held */
    const ig_device_api *api;
    int ordinal;
    char name[16];
};

void ig_devices_init(ig_devices *ds, ig_heap *heap, const ig_log *log)
{
    *ds = (ig_devices){.heap = heap, .log = log};
    pthread_mutex_init(&ds->lock, NULL);
}

void ig_devices_clear(ig_devices *ds)
{
    while (ds->first) {
        ig_open_device *d = ds->first;
        ds->first = d->next;
        if (d->device) d->api->close(&d->device);
        ig_give(ds->heap, d, sizeof *d);
    }
    pthread_mutex_destroy(&ds->lock);
}

/* The entry of that device, made where there is none. */
static ig_open_device *find(ig_devices *ds, const ig_device_api *api, int ordinal)
{
    ig_open_device *d = ds->first;
    while (d && d->ordinal != ordinal) d = d->next;
    if (d) return d;
    d = ig_take0(ds->heap, sizeof *d);
    if (!d) return NULL;
    *d = (ig_open_device){.next = ds->first, .api = api, .ordinal = ordinal};
    snprintf(d->name, sizeof d->name, "cuda:%d", ordinal);
    return ds->first = d;
}

static void let_go_when_lost(ig_open_device *d)
{
    if (d->device && d->api->lost(d->device)) d->api->close(&d->device);
}

static ingot_status open_device(ig_devices *ds, ig_open_device *d, ig_device **out,
                                const ig_device_wish *wish, ingot_error *err)
{
    const ig_device_options o = {.budget_bytes = wish->budget_bytes,
                                 .budget_fraction = wish->budget_fraction,
                                 .log = ds->log};
    let_go_when_lost(d);
    IG_TRY(d->api->open(out, d->ordinal, &o, err));
    if (d->device) return INGOT_OK;
    const ingot_status s = d->api->open(&d->device, d->ordinal, &o, err);
    if (s) d->api->close(out);
    return s;
}

static ingot_status take(ig_devices *ds, ig_found_device *out, const ig_device_api *api,
                         int ordinal, const ig_device_wish *wish, ingot_error *err)
{
    pthread_mutex_lock(&ds->lock);
    ig_open_device *d = find(ds, api, ordinal);
    const ingot_status s = d ? open_device(ds, d, &out->device, wish, err)
                             : ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", ordinal);
    if (!s) {
        out->open = d;
        out->api = api;
        out->name = d->name;
    }
    pthread_mutex_unlock(&ds->lock);
    return s;
}

/* A budget that cannot be is a mistake of who asked, whatever else there is to run on. */
static ingot_status take_first(ig_devices *ds, ig_found_device *out, const ig_device_wish *wish,
                               ingot_error *err)
{
    ingot_error why = {0};
    const ig_device_api *api = ig_plugin(NULL, &why);
    const int n = api ? api->count(&why) : 0;
    for (int i = 0; i < n; i++) {
        const ingot_status s = take(ds, out, api, i, wish, &why);
        if (s == INGOT_OK || s == INGOT_E_ARG) {
            if (s && err) *err = why;
            return s;
        }
    }
    ig_log_say(ds->log, IG_LOG_INFO, "device auto: the CPU, since %s", why.text);
    return INGOT_OK;
}

ingot_status ig_devices_take(ig_devices *ds, ig_found_device *out, const ig_device_wish *wish,
                             ingot_error *err)
{
    ig_device_kind kind;
    int ordinal;
    *out = (ig_found_device){.name = "cpu"};
    IG_TRY(ig_device_name(&kind, &ordinal, wish->name, err));
    if (kind == IG_ON_CPU) return INGOT_OK;
    out->may_fall_back = kind == IG_ON_AUTO;
    if (kind == IG_ON_AUTO) return take_first(ds, out, wish, err);
    ingot_error own = {0}, *e = err ? err : &own;
    const ig_device_api *api = ig_plugin(NULL, e);
    ingot_status s = api ? INGOT_OK : INGOT_E_DEVICE;
    if (!s && !api->count(e)) s = INGOT_E_DEVICE;
    if (s) return ig_wrap(e, s, "cuda:%d cannot be used", ordinal);
    return take(ds, out, api, ordinal, wish, e);
}

void ig_devices_give(ig_devices *ds, ig_found_device *found)
{
    ig_found_device f = *found;
    *found = (ig_found_device){.name = "cpu"};
    if (!f.open) return;
    pthread_mutex_lock(&ds->lock);
    let_go_when_lost(f.open);
    f.api->close(&f.device);
    pthread_mutex_unlock(&ds->lock);
}
