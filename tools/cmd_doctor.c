/* cmd_doctor.c - `ingot doctor`: what this machine offers and what Ingot will use of it. */
#include "kernels/cpu.h"
#include "kernels/registry.h"
#include "runtime/base/topology.h"
#include "runtime/base/checked.h"
#include "runtime/device/plugin.h"
#include "runtime/ops/blas.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if IG_HAVE_HWLOC
#    include <hwloc.h>
#endif
#if IG_HAVE_ZSTD
#    include <zstd.h>
#endif
#if IG_HAVE_XXHASH
#    include <xxhash.h>
#endif
#if IG_HAVE_ZLIB
#    include <zlib.h>
#endif

typedef struct {
    bool json;
} args;

/* One walk over the facts writes either form. */
typedef struct {
    ig_json json;
    bool as_json;
} report;

static void open_section(report *r, const char *key)
{
    if (r->as_json)
        ig_json_object(&r->json, key);
    else
        printf("\n%s\n", key);
}

static void close_section(report *r)
{
    if (r->as_json) ig_json_end(&r->json);
}

static void put_line(const char *key, const char *text) { printf("  %-18s  %s\n", key, text); }

static void put_text(report *r, const char *key, const char *text)
{
    if (r->as_json)
        ig_json_text(&r->json, key, text);
    else
        put_line(key, text ? text : "-");
}

/* `people` is what the table shows for a number; NULL: the number. */
static void put_count(report *r, const char *key, uint64_t n, const char *people)
{
    char text[32];
    if (r->as_json)
        ig_json_uint(&r->json, key, n);
    else
        put_line(key, people ? people : ig_format_count(text, sizeof text, n));
}

static const struct {
    uint32_t flag;
    const char *name;
} features[] = {
    {IG_CPU_AVX2, "avx2"},
    {IG_CPU_AVXVNNI, "avxvnni"},
    {IG_CPU_AVX512, "avx512"},
    {IG_CPU_AVX512VNNI, "avx512vnni"},
    {IG_CPU_AVX512BF16, "avx512bf16"},
    {IG_CPU_NEON, "neon"},
    {IG_CPU_DOTPROD, "dotprod"},
    {IG_CPU_I8MM, "i8mm"},
    {IG_CPU_ARMBF16, "bf16"},
};

static void put_features(report *r, const char *key, uint32_t flags)
{
    char all[200] = "";
    size_t used = 0;
    if (r->as_json) ig_json_array(&r->json, key);
    for (size_t i = 0; i < IG_LEN(features); i++) {
        if (!(flags & features[i].flag)) continue;
        if (r->as_json) ig_json_text(&r->json, NULL, features[i].name);
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used ? " " : "",
                                 features[i].name);
    }
    if (r->as_json)
        ig_json_end(&r->json);
    else
        put_line(key, used ? all : "none that the kernels know");
}

static void put_cpu(report *r, const ig_machine *m)
{
    ingot_error problem;
    open_section(r, "cpu");
    put_text(r, "model", m->cpu);
    put_features(r, "detected", ig_cpu_detected());
    put_features(r, "in_use", ig_cpu_flags());
    put_text(r, "level", ig_cpu_level());
    put_text(r, "lowered_by", getenv("INGOT_CPU_ISA"));
    put_text(r, "disabled", getenv("INGOT_CPU_DISABLE"));
    if (ig_cpu_check(&problem)) put_text(r, "problem", problem.text);
    put_count(r, "online", m->n_online, NULL);
    put_count(r, "allowed", m->n_allowed, NULL);
    close_section(r);
}

/* Cores, caches and limits, and how many threads a pool starts with because of them. */
static void put_topology(report *r)
{
    const ig_topology *t = ig_topology_get();
    ingot_error problem;
    const char *why = NULL;
    char text[32];
    size_t threads = 0;
    open_section(r, "topology");
    put_text(r, "source", t->source);
    put_count(r, "cpus", t->n_cpus, NULL);
    put_count(r, "cores", t->n_cores, NULL);
    put_count(r, "fast_cores", t->n_fast, NULL);
    put_count(r, "numa_nodes", t->n_nodes, NULL);
    put_count(r, "l1d", t->l1d_bytes, ig_format_bytes(text, sizeof text, t->l1d_bytes));
    put_count(r, "l2", t->l2_bytes, ig_format_bytes(text, sizeof text, t->l2_bytes));
    put_count(r, "l3", t->l3_bytes, ig_format_bytes(text, sizeof text, t->l3_bytes));
    snprintf(text, sizeof text, "%g", t->quota_cpus);
    if (r->as_json)
        ig_json_f64(&r->json, "quota_cpus", t->quota_cpus);
    else
        put_line("quota_cpus", t->quota_cpus > 0 ? text : "no limit");
    if (ig_topology_threads(&threads, &why, &problem))
        put_text(r, "problem", problem.text);
    else
        put_count(r, "threads", threads, NULL);
    put_text(r, "decided_by", why);
    close_section(r);
}

static void put_memory(report *r, const ig_machine *m)
{
    char text[32];
    open_section(r, "memory");
    put_count(r, "total", m->ram_bytes, ig_format_bytes(text, sizeof text, m->ram_bytes));
    put_count(r, "available", m->free_bytes, ig_format_bytes(text, sizeof text, m->free_bytes));
    close_section(r);
}

/* NULL where this build does without. */
static void put_libraries(report *r)
{
    const char *hwloc = NULL, *zstd = NULL, *xxhash = NULL, *zlib = NULL;
#if IG_HAVE_HWLOC
    char hwloc_text[32];
    const unsigned v = hwloc_get_api_version();
    snprintf(hwloc_text, sizeof hwloc_text, "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
    hwloc = hwloc_text;
#endif
#if IG_HAVE_ZSTD
    zstd = ZSTD_versionString();
#endif
#if IG_HAVE_XXHASH
    char xxhash_text[32];
    const unsigned x = XXH_versionNumber();
    snprintf(xxhash_text, sizeof xxhash_text, "%u.%u.%u", x / 10000, x / 100 % 100, x % 100);
    xxhash = xxhash_text;
#endif
#if IG_HAVE_ZLIB
    zlib = zlibVersion();
#endif
    open_section(r, "libraries");
    put_text(r, "openblas", ig_blas_name());
    put_text(r, "hwloc", hwloc);
    put_text(r, "zstd", zstd);
    put_text(r, "xxhash", xxhash);
    put_text(r, "zlib", zlib);
    close_section(r);
}

static const char *version_text(char *text, size_t room, int version)
{
    snprintf(text, room, version ? "CUDA %d.%d" : "none", version / 1000, version % 1000 / 10);
    return text;
}

static void put_device(report *r, const ig_device_api *api, int ordinal)
{
    ingot_error problem;
    ig_device_info info;
    char name[16], text[160], total[32], free_now[32];
    const ingot_status s = api->probe(ordinal, &info, &problem);
    snprintf(name, sizeof name, "cuda:%d", ordinal);
    snprintf(text, sizeof text, "%.90s, compute capability %d.%d, %d multiprocessors%s", info.name,
             info.cc_major, info.cc_minor, info.processors, info.emulated ? ", emulated" : "");
    if (!r->as_json) {
        put_line(name, s ? problem.text : text);
        if (s) return;
        snprintf(text, sizeof text, "%s, %s free",
                 ig_format_bytes(total, sizeof total, info.total_bytes),
                 ig_format_bytes(free_now, sizeof free_now, info.free_bytes));
        put_line("", text);
        return;
    }
    ig_json_object(&r->json, NULL);
    ig_json_text(&r->json, "device", name);
    if (s) ig_json_text(&r->json, "problem", problem.text);
    ig_json_text(&r->json, "name", info.name);
    snprintf(text, sizeof text, "%d.%d", info.cc_major, info.cc_minor);
    ig_json_text(&r->json, "compute_capability", text);
    ig_json_int(&r->json, "multiprocessors", info.processors);
    ig_json_uint(&r->json, "total_bytes", info.total_bytes);
    ig_json_uint(&r->json, "free_bytes", info.free_bytes);
    ig_json_bool(&r->json, "emulated", info.emulated);
    ig_json_end(&r->json);
}

/* The plugin, what it stands on, and the devices it finds, or why there are none. */
static void put_cuda(report *r)
{
    const char *path;
    ingot_error problem;
    ig_device_info info;
    char text[32];
    const ig_device_api *api = ig_plugin(&path, &problem);
    open_section(r, "cuda");
    put_text(r, "plugin", path);
    put_text(r, "build", api ? api->build : NULL);
    if (api) {
        (void)api->probe(0, &info, NULL);
        put_text(r, "toolkit", version_text(text, sizeof text, info.runtime));
        put_text(r, "driver", version_text(text, sizeof text, info.driver));
    }
    const int n = api ? api->count(&problem) : 0;
    if (!n) {
        char why[600];
        snprintf(why, sizeof why, "no CUDA device: %s", problem.text);
        put_text(r, "problem", why);
    }
    if (r->as_json) ig_json_array(&r->json, "devices");
    for (int i = 0; i < n; i++) put_device(r, api, i);
    if (r->as_json) ig_json_end(&r->json);
    if (r->as_json) {
        ig_json_array(&r->json, "ops");
        for (size_t i = 0; api && api->op(i); i++) ig_json_text(&r->json, NULL, api->op(i));
        ig_json_end(&r->json);
    }
    close_section(r);
}

/* The families in the order of their lists, each once. */
static void put_kernels(report *r)
{
    size_t n;
    const ig_kernel *all = ig_kernels(&n);
    open_section(r, "kernels");
    for (size_t i = 0, k; i < n; i++) {
        for (k = 0; strcmp(all[k].family, all[i].family) != 0;) k++;
        const ig_kernel *chosen = k == i ? ig_kernel_chosen(all[i].family) : NULL;
        if (chosen) put_text(r, chosen->family, chosen->function);
    }
    close_section(r);
}

static void put_build(report *r)
{
    open_section(r, "build");
    put_text(r, "version", ingot_version());
    put_text(r, "compiler", IG_COMPILER);
    put_text(r, "type", IG_BUILD_TYPE);
    put_text(r, "flags", IG_BUILD_FLAGS);
    close_section(r);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    report r = {.as_json = a->json};
    ig_machine m;
    (void)cli;
    ig_machine_read(&m);
    ig_json_init(&r.json, stdout, 2);
    if (a->json) ig_json_object(&r.json, NULL);
    put_text(&r, "system", m.system);
    put_cpu(&r, &m);
    put_topology(&r);
    put_memory(&r, &m);
    put_cuda(&r);
    put_kernels(&r);
    put_libraries(&r);
    put_build(&r);
    if (!a->json) return INGOT_OK;
    ig_json_end(&r.json);
    return ig_json_finish(&r.json, err);
}

static const ig_option options[] = {IG_OPTION_JSON(args)};
static const ig_example examples[] = {
    {"ingot doctor", "what Ingot found on this machine"},
    {"INGOT_CPU_ISA=avx2 ingot doctor", "what it would use when held to AVX2"},
};

const ig_command ig_cmd_doctor = {
    .name = "doctor",
    .summary = "show what this machine offers and what Ingot uses of it",
    .about = "Shows the processor and its instruction sets, how many processors this process may "
             "use, memory, the libraries that this build stands on, and how it was built.\n\n"
             "The environment variable INGOT_CPU_ISA (ref, avx2, avxvnni, avx512, avx512vnni, "
             "avx512bf16, neon, dotprod, i8mm, bf16) holds the kernels to a lower instruction set; "
             "INGOT_CPU_DISABLE takes some away, and what builds on them (bf16,vnni).",
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
