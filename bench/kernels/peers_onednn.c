/* peers_onednn.c - oneDNN, by the C interface of its version 2: products, convolutions, softmax,
 * layer normalisation, each in the layouts that oneDNN chooses for itself.
 *
 * Only what is called is declared here, so that no header is needed; its descriptors are structs
 * that oneDNN fills and reads, larger than ours need to know. A primitive is made for the number of
 * threads that it will run with, because blocking depends on it. */
#include "bench/kernels/peers.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Values of its enums. */
enum { BF16 = 2, F32 = 3, S32 = 4, S8 = 5, U8 = 6 };
enum { TAG_ANY = 1, TAG_A = 2, TAG_AB = 3 };
enum { CPU = 1, FORWARD = 96, CONV_AUTO = 3, SCALE_AND_SHIFT = 8 | 16 };
enum { OF_WEIGHTS = 131, OF_SRC = 129, OF_DST = 133 };
enum { ARG_SRC = 1, ARG_DST = 17, ARG_WEIGHTS = 33, ARG_BIAS = 41, ARG_SCALE = 51, ARG_SHIFT = 52 };

typedef union {
    char bytes[1024]; /* 696 in version 2.6 */
    int64_t align;
} memory_desc;
typedef union {
    char bytes[8192]; /* at most 5976 */
    int64_t align;
} op_desc;
typedef struct {
    int arg;
    void *memory;
} exec_arg;

/* X(function, parameters): all return a status, 0: done. */
#define FUNCTIONS(X)                                                                               \
    X(engine_create, (void **engine, int kind, size_t index))                                      \
    X(stream_create, (void **stream, void *engine, unsigned flags))                                \
    X(stream_wait, (void *stream))                                                                 \
    X(memory_desc_init_by_tag, (memory_desc * out, int n, const int64_t *dims, int type, int tag)) \
    X(memory_create, (void **memory, const void *desc, void *engine, void *data))                  \
    X(memory_destroy, (void *memory))                                                              \
    X(matmul_desc_init, (op_desc * out, const memory_desc *src, const memory_desc *weights,        \
                         const memory_desc *bias, const memory_desc *dst))                         \
    X(convolution_forward_desc_init,                                                               \
      (op_desc * out, int prop, int alg, const memory_desc *src, const memory_desc *weights,       \
       const memory_desc *bias, const memory_desc *dst, const int64_t *strides,                    \
       const int64_t *pad_begin, const int64_t *pad_end))                                          \
    X(softmax_forward_desc_init, (op_desc * out, int prop, const memory_desc *data, int axis))     \
    X(layer_normalization_forward_desc_init, (op_desc * out, int prop, const memory_desc *data,    \
                                              const memory_desc *stat, float eps, unsigned flags)) \
    X(primitive_desc_create,                                                                       \
      (void **out, const op_desc *op, const void *attr, void *engine, const void *hint))           \
    X(primitive_desc_destroy, (void *desc))                                                        \
    X(primitive_create, (void **out, const void *desc))                                            \
    X(primitive_execute, (const void *primitive, void *stream, int n, const exec_arg *args))       \
    X(primitive_destroy, (void *primitive))

static struct {
#define X(name, parameters) int(*name) parameters;
    FUNCTIONS(X)
#undef X
    const void *(*primitive_desc_query_md)(const void *desc, int what, int index);
    size_t (*memory_desc_get_size)(const void *desc);
    void (*omp_set_num_threads)(int n);
    void *engine, *stream;
    bool ready;
} dnn;

bool peer_onednn(void *handle)
{
    bool all = true;
#define X(name, parameters) all &= (*(void **)&dnn.name = dlsym(handle, "dnnl_" #name)) != NULL;
    FUNCTIONS(X)
#undef X
    *(void **)&dnn.primitive_desc_query_md = dlsym(handle, "dnnl_primitive_desc_query_md");
    *(void **)&dnn.memory_desc_get_size = dlsym(handle, "dnnl_memory_desc_get_size");
    *(void **)&dnn.omp_set_num_threads = dlsym(handle, "omp_set_num_threads");
    dnn.ready = all && dnn.primitive_desc_query_md && dnn.memory_desc_get_size &&
                dnn.omp_set_num_threads && !dnn.engine_create(&dnn.engine, CPU, 0) &&
                !dnn.stream_create(&dnn.stream, dnn.engine, 1);
    return dnn.ready;
}

/* ---- a primitive and its operands
 * ------------------------------------------------------------------ */

enum { ARGS = 4, POOLS = 2 };

/* What an operand is: its argument, where its layout comes from, the type of its elements. */
typedef struct {
    int arg, query; /* query 0: `plain` is its layout */
    int type;
    memory_desc plain;
} operand;

typedef struct {
    size_t threads;
    void *primitive;
    exec_arg args[ARGS];
} made;

typedef struct {
    bench *b;
    op_desc op;
    operand operands[ARGS];
    int n;
    made made[POOLS];
    size_t n_made;
} job;

static void *values(bench *b, int type, size_t bytes)
{
    if (type == S8 || type == U8) return bench_bytes(b, bytes);
    if (type == F32) return bench_f32(b, bytes / sizeof(float), -1, 1);
    return type == BF16 ? bench_bf16(b, bytes / 2) : bench_take(b, bytes);
}

static bool make_args(job *j, made *m, const void *desc)
{
    for (int i = 0; i < j->n; i++) {
        const operand *o = &j->operands[i];
        const void *layout =
            o->query ? dnn.primitive_desc_query_md(desc, o->query, 0) : (const void *)&o->plain;
        if (!layout) return false;
        void *data = values(j->b, o->type, dnn.memory_desc_get_size(layout));
        m->args[i].arg = o->arg;
        if (dnn.memory_create(&m->args[i].memory, layout, dnn.engine, data)) return false;
    }
    return true;
}

/* NULL: oneDNN cannot do this. */
static const made *make(job *j, size_t threads)
{
    for (size_t i = 0; i < j->n_made; i++)
        if (j->made[i].threads == threads) return &j->made[i];
    if (j->n_made == POOLS) return NULL;
    void *desc;
    made *m = &j->made[j->n_made];
    dnn.omp_set_num_threads((int)threads);
    if (dnn.primitive_desc_create(&desc, &j->op, NULL, dnn.engine, NULL)) return NULL;
    m->threads = threads;
    j->n_made++;
    const bool ok = !dnn.primitive_create(&m->primitive, desc) && make_args(j, m, desc);
    dnn.primitive_desc_destroy(desc);
    return ok ? m : NULL;
}

static void drop(void *arg)
{
    job *j = arg;
    for (size_t i = 0; i < j->n_made; i++) {
        for (int k = 0; k < j->n; k++)
            if (j->made[i].args[k].memory) dnn.memory_destroy(j->made[i].args[k].memory);
        if (j->made[i].primitive) dnn.primitive_destroy(j->made[i].primitive);
    }
    free(j);
}

static void run(void *arg, ig_pool *pool)
{
    job *j = arg;
    const size_t threads = ig_pool_threads(pool);
    const made *m = make(j, threads);
    dnn.omp_set_num_threads((int)threads);
    dnn.primitive_execute(m->primitive, dnn.stream, j->n, m->args);
    dnn.stream_wait(dnn.stream);
}

static job *new_job(bench *b)
{
    job *j = dnn.ready ? calloc(1, sizeof *j) : NULL;
    if (!j) return NULL;
    j->b = b;
    bench_defer(b, drop, j);
    return j;
}

/* Made for both numbers of threads now, so that no round pays for it. */
static void add(job *j)
{
    const size_t most = bench_threads(j->b), least = bench_threads_least(j->b);
    if (make(j, least) && make(j, most)) bench_add(j->b, "onednn", run, j);
}

/* ---- what it can do
 * -------------------------------------------------------------------------------- */

/* An operand whose layout oneDNN chooses, when tag is TAG_ANY, or that is as the tag says. Returns
 * its descriptor for the operation's. */
static const memory_desc *put(job *j, int arg, int query, int type, int tag, int n_dims,
                              const int64_t *dims)
{
    operand *o = &j->operands[j->n++];
    *o = (operand){.arg = arg, .query = tag == TAG_ANY ? query : 0, .type = type};
    dnn.memory_desc_init_by_tag(&o->plain, n_dims, dims, type, tag);
    return &o->plain;
}

static void gemm(bench *b, size_t m, size_t n, size_t k, int a, int w, int c)
{
    job *j = new_job(b);
    if (!j) return;
    const int64_t ad[] = {(int64_t)m, (int64_t)k}, wd[] = {(int64_t)k, (int64_t)n};
    const int64_t cd[] = {(int64_t)m, (int64_t)n};
    const memory_desc *src = put(j, ARG_SRC, OF_SRC, a, TAG_AB, 2, ad);
    const memory_desc *weights = put(j, ARG_WEIGHTS, OF_WEIGHTS, w, TAG_ANY, 2, wd);
    const memory_desc *dst = put(j, ARG_DST, OF_DST, c, TAG_AB, 2, cd);
    if (!dnn.matmul_desc_init(&j->op, src, weights, NULL, dst)) add(j);
}

void onednn_gemm_f32(bench *b, size_t m, size_t n, size_t k) { gemm(b, m, n, k, F32, F32, F32); }

void bench_vs_gemm_bf16(bench *b, size_t m, size_t n, size_t k)
{
    gemm(b, m, n, k, BF16, BF16, F32);
}

void bench_vs_gemm_i8(bench *b, size_t m, size_t n, size_t k, bool a_signed)
{
    gemm(b, m, n, k, a_signed ? S8 : U8, S8, S32);
}

static void conv(bench *b, const bench_image *c, int x, int w, int bias, int y)
{
    enum { GROUPS, OUT, IN, DIMS = 5 };
    job *j = new_job(b);
    if (!j) return;
    const int64_t g = (int64_t)c->groups, o = (int64_t)c->out_c, i = (int64_t)c->in_c;
    const int64_t kh = (int64_t)c->kh, kw = (int64_t)c->kw;
    const int64_t xd[] = {(int64_t)c->batch, i, (int64_t)c->in_h, (int64_t)c->in_w};
    const int64_t yd[] = {(int64_t)c->batch, o, (int64_t)c->out_h, (int64_t)c->out_w};
    const int64_t wd[DIMS] = {g, o / g, i / g, kh, kw},
                  strides[] = {(int64_t)c->stride, (int64_t)c->stride};
    const int64_t before[] = {(int64_t)c->pad, (int64_t)c->pad};
    /* the padding after is what the output's size asks for */
    const int64_t after[] = {(yd[2] - 1) * strides[0] + kh - xd[2] - before[0],
                             (yd[3] - 1) * strides[1] + kw - xd[3] - before[1]};
    const memory_desc *src = put(j, ARG_SRC, OF_SRC, x, TAG_ANY, 4, xd);
    const memory_desc *weights =
        put(j, ARG_WEIGHTS, OF_WEIGHTS, w, TAG_ANY, g > 1 ? DIMS : DIMS - 1, g > 1 ? wd : wd + 1);
    const memory_desc *dst = put(j, ARG_DST, OF_DST, y, TAG_ANY, 4, yd);
    const memory_desc *shift = put(j, ARG_BIAS, 0, bias, TAG_A, 1, &o);
    if (!dnn.convolution_forward_desc_init(&j->op, FORWARD, CONV_AUTO, src, weights, shift, dst,
                                           strides, before, after))
        add(j);
}

void bench_vs_conv_f32(bench *b, const bench_image *c) { conv(b, c, F32, F32, F32, F32); }
void bench_vs_conv_i8(bench *b, const bench_image *c) { conv(b, c, U8, S8, S32, U8); }

void bench_vs_softmax_f32(bench *b, size_t rows, size_t cols)
{
    job *j = new_job(b);
    if (!j) return;
    const int64_t dims[] = {(int64_t)rows, (int64_t)cols};
    const memory_desc *x = put(j, ARG_SRC, OF_SRC, F32, TAG_AB, 2, dims);
    put(j, ARG_DST, OF_DST, F32, TAG_AB, 2, dims);
    if (!dnn.softmax_forward_desc_init(&j->op, FORWARD, x, 1)) add(j);
}

void bench_vs_layer_norm_f32(bench *b, size_t rows, size_t cols)
{
    job *j = new_job(b);
    if (!j) return;
    const int64_t dims[] = {(int64_t)rows, (int64_t)cols};
    memory_desc stat;
    const memory_desc *x = put(j, ARG_SRC, OF_SRC, F32, TAG_AB, 2, dims);
    put(j, ARG_DST, OF_DST, F32, TAG_AB, 2, dims);
    put(j, ARG_SCALE, 0, F32, TAG_A, 1, &dims[1]);
    put(j, ARG_SHIFT, 0, F32, TAG_A, 1, &dims[1]);
    dnn.memory_desc_init_by_tag(&stat, 1, dims, F32, TAG_A);
    if (!dnn.layer_normalization_forward_desc_init(&j->op, FORWARD, x, &stat, 1e-5f,
                                                   SCALE_AND_SHIFT))
        add(j);
}
