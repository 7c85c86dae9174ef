/* peers.c - which libraries there are; see peers.h. */
#include "bench/kernels/peers.h"
#include "kernels/cpu.h"
#include "runtime/base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 3 };

static struct {
    const char *name, *package, *files[FILES];
    bool (*bind)(void *handle);
    bool loaded;
} peers[] = {
    {"openblas", "libopenblas0", {"libopenblas.so.0", "libopenblas.so"}, peer_openblas, false},
    {"onednn", "libdnnl2", {"libdnnl.so.2"}, peer_onednn, false},
    {"blis", "libblis4", {"libblis.so.4", "libblis.so"}, peer_blis, false},
};

const char *peers_name(size_t i) { return i < IG_LEN(peers) ? peers[i].name : NULL; }
const char *peers_package(size_t i) { return peers[i].package; }
bool peers_loaded(size_t i) { return peers[i].loaded; }

static bool load(size_t i)
{
    size_t n = 0;
    while (n < FILES && peers[i].files[n]) n++;
    void *handle = ig_library_open(peers[i].files, n);
    peers[i].loaded = handle && peers[i].bind(handle);
    if (handle && !peers[i].loaded) dlclose(handle);
    return peers[i].loaded;
}

static size_t find(const char *name, size_t n)
{
    size_t i = 0;
    while (i < IG_LEN(peers) && (strncmp(peers[i].name, name, n) != 0 || peers[i].name[n])) i++;
    return i;
}

static ingot_status unknown(const char *name, size_t n, ingot_error *err)
{
    char known[100] = "";
    size_t used = 0;
    for (size_t i = 0; i < IG_LEN(peers); i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 peers[i].name);
    return ig_fail(err, INGOT_E_ARG, "--vs %.*s: unknown peer (known: %s)", (int)n, name, known);
}

/* Held to a lower instruction set, we are timed beside a peer that is too. OpenBLAS has read its
 * environment before: OPENBLAS_CORETYPE does this for it. */
static void hold_peers(void)
{
    static const struct {
        uint32_t flag;
        const char *onednn;
    } levels[] = {
        {IG_CPU_AVX512BF16, "AVX512_CORE_BF16"},
        {IG_CPU_AVX512VNNI, "AVX512_CORE_VNNI"},
        {IG_CPU_AVX512, "AVX512_CORE"},
        {IG_CPU_AVXVNNI, "AVX2_VNNI"},
        {IG_CPU_AVX2, "AVX2"},
        {IG_CPU_REF, "SSE41"},
    };
    const uint32_t have = ig_cpu_flags();
    size_t i = 0;
    while ((have & levels[i].flag) != levels[i].flag) i++;
    if (have != ig_cpu_detected()) setenv("DNNL_MAX_CPU_ISA", levels[i].onednn, 0);
}

ingot_status peers_open(const char *list, ingot_error *err)
{
    hold_peers();
    setenv("GOMP_SPINCOUNT", "20000",
           0); /* idle threads of OpenMP leave the cores to others soon */
    for (size_t i = 0; !list && i < IG_LEN(peers); i++) load(i);
    while (list && *list) {
        const size_t n = strcspn(list, ","), i = find(list, n);
        if (i == IG_LEN(peers)) return unknown(list, n, err);
        if (!peers[i].loaded && !load(i))
            return ig_fail(err, INGOT_E_ARG, "--vs %s: %s is not installed (package %s)",
                           peers[i].name, peers[i].files[0], peers[i].package);
        list += n + (list[n] == ',');
    }
    return INGOT_OK;
}

void bench_vs_gemm_f32(bench *b, size_t m, size_t n, size_t k)
{
    blas_gemm_f32(b, m, n, k);
    onednn_gemm_f32(b, m, n, k);
}
