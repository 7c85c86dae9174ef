/* pb.h - writing small protobuf messages, for tests of the ONNX importer. */
#ifndef IG_TESTS_ONNX_PB_H
#define IG_TESTS_ONNX_PB_H

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    unsigned char *p;
    size_t n;
} pb;

static inline void pb_put(pb *m, const void *p, size_t n)
{
    m->p = realloc(m->p, m->n + n + 1);
    if (!m->p) abort();
    if (n) memcpy(m->p + m->n, p, n);
    m->n += n;
}

static inline void pb_raw_varint(pb *m, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = (unsigned char)(v | 0x80);
    bytes[n++] = (unsigned char)v;
    pb_put(m, bytes, n);
}

static inline void pb_int(pb *m, unsigned field, int64_t v)
{
    pb_raw_varint(m, field << 3);
    pb_raw_varint(m, (uint64_t)v);
}

static inline void pb_float(pb *m, unsigned field, float v)
{
    pb_raw_varint(m, (field << 3) | 5);
    pb_put(m, &v, sizeof v);
}

static inline void pb_bytes(pb *m, unsigned field, const void *p, size_t n)
{
    pb_raw_varint(m, (field << 3) | 2);
    pb_raw_varint(m, n);
    pb_put(m, p, n);
}

static inline void pb_text(pb *m, unsigned field, const char *text)
{
    pb_bytes(m, field, text, strlen(text));
}

/* Takes the inner message. */
static inline void pb_message(pb *m, unsigned field, pb inner)
{
    pb_bytes(m, field, inner.p, inner.n);
    free(inner.p);
}

/* ---- ONNX messages ---- */

static inline pb pb_opset(const char *domain, int64_t version)
{
    pb m = {0};
    pb_text(&m, 1, domain);
    pb_int(&m, 2, version);
    return m;
}

/* Names separated by commas: "a,b,,c". An empty text is no name at all. */
static inline void pb_names(pb *m, unsigned field, const char *names)
{
    while (*names) {
        const size_t n = strcspn(names, ",");
        pb_bytes(m, field, names, n);
        names += n;
        if (*names) names++;
    }
}

static inline pb pb_node(const char *op, const char *name, const char *in, const char *out)
{
    pb m = {0};
    pb_names(&m, 1, in);
    pb_names(&m, 2, out);
    if (*name) pb_text(&m, 3, name);
    pb_text(&m, 4, op);
    return m;
}

static inline pb pb_attr(const char *name, int type)
{
    pb m = {0};
    pb_text(&m, 1, name);
    pb_int(&m, 20, type);
    return m;
}

/* A tensor's type; dims: -1 becomes the symbol "n". */
static inline pb pb_type(int dtype, int rank, ...)
{
    pb type = {0}, tensor = {0}, shape = {0};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank; i++) {
        pb dim = {0};
        const int size = va_arg(args, int);
        if (size < 0)
            pb_text(&dim, 2, "n");
        else
            pb_int(&dim, 1, size);
        pb_message(&shape, 1, dim);
    }
    va_end(args);
    pb_int(&tensor, 1, dtype);
    pb_message(&tensor, 2, shape);
    pb_message(&type, 1, tensor);
    return type;
}

static inline pb pb_value(const char *name, pb type)
{
    pb m = {0};
    pb_text(&m, 1, name);
    pb_message(&m, 2, type);
    return m;
}

/* f32 [n] with raw data. */
static inline pb pb_floats(const char *name, const float *v, size_t n)
{
    pb m = {0};
    pb_int(&m, 1, (int64_t)n);
    pb_int(&m, 2, 1);
    pb_text(&m, 8, name);
    pb_bytes(&m, 9, v, n * sizeof *v);
    return m;
}

/* Takes the graph. */
static inline pb pb_model(pb graph, int64_t opset)
{
    pb m = {0};
    pb_int(&m, 1, 10);
    if (opset) pb_message(&m, 8, pb_opset("", opset));
    pb_message(&m, 7, graph);
    return m;
}

#endif
