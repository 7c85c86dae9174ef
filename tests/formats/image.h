/* image.h - a small .ingot file that uses every part of the format, as bytes in memory. */
#ifndef IG_TESTS_IMAGE_H
#define IG_TESTS_IMAGE_H

#include "formats/ingot/ingot_file.h"
#include "tests/graph/small.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* y = relu(x + bias) * w; names = a string constant that is an output too. */
static inline ig_graph *image_graph(ig_heap *heap)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    assert_non_null(g);
    g->name = "small";
    const int64_t dims[] = {ig_graph_symbol(g, "batch"), 3}, three[] = {3}, two[] = {2};
    const ig_id x = small_input(g, "x", 2, dims);
    const ig_id bias = small_const(g, "bias", 1, three, (float[]){1, -2, 0.5f});
    const ig_id w = small_const(g, "w", 1, three, (float[]){2, 3, 4});
    const ingot_str words[] = {{"hello", 5}, {"", 0}};
    const ig_id names = ig_graph_const_copy(g, "names", INGOT_STR, 1, two, words);
    const ig_id sum = small_binary(g, "add", x, bias);
    const ig_id y = small_binary(g, "mul", small_unary(g, "relu", sum), w);
    g->values[y].name = "y";
    const ig_id outs[] = {y, names};
    assert_true(ig_graph_set_io(g, &x, 1, outs, 2));
    ingot_error err;
    check_ok(ig_infer_graph(g, heap, &err));
    return g;
}

static const ig_meta_entry image_entries[] = {
    {.key = "name", .kind = IG_ATTR_TEXT, .s = "small"},
    {.key = "answer", .kind = IG_ATTR_INT, .i = 42},
    {.key = "ratio", .kind = IG_ATTR_FLOAT, .f = 0.25},
};
static const ig_meta image_meta = {image_entries, 3};

static inline void image_write(const char *path, ig_heap *heap)
{
    static float in[] = {1, 2, 3}, out[] = {4, 0, 14};
    static const char *in_names[] = {"x"}, *out_names[] = {"y"};
    ingot_error err;
    ig_tensor tin = small_tensor(in, 2, (int64_t[]){1, 3}),
              tout = small_tensor(out, 2, (int64_t[]){1, 3});
    ig_golden_case c = {in_names, out_names, &tin, &tout, 1, 1};
    const ig_golden golden = {1e-6, &c, 1};
    ig_graph *g = image_graph(heap);
    check_ok(ig_ingot_write(path, &(ig_contents){.graph = g, .meta = image_meta, .golden = &golden},
                            heap, &err));
    ig_graph_close(&g);
}

/* 64-byte aligned copy of a file; free() it. */
static inline unsigned char *image_load(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    unsigned char *p = aligned_alloc(64, (*n + 4096) / 64 * 64);
    assert_int_equal(fread(p, 1, *n, f), *n);
    fclose(f);
    return p;
}

static inline const char *image_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/ingot-test-%d.ingot", (int)getpid());
    return path;
}

/* Open, plan and run whatever the bytes say; every status is fine, a crash or a leak is not. */
static inline ingot_status image_try(ig_heap *heap, const unsigned char *bytes, size_t n)
{
    ingot_error err = {0};
    ig_ingot *f;
    ingot_status s = ig_ingot_open_memory(&f, heap, bytes, n, &err);
    if (s) {
        assert_true(err.text[0]);
        return s;
    }
    const ig_exec_options o = {.heap = heap, .side_limit_bytes = 16 << 20};
    ig_exec *x = NULL;
    s = ig_exec_open(&x, f->graph, &o, &err);
    float data[16] = {1, 2, 3};
    ig_tensor *in = calloc(f->graph->n_inputs + 1, sizeof *in);
    ig_tensor *out = calloc(f->graph->n_outputs + 1, sizeof *out);
    for (size_t i = 0; i < f->graph->n_inputs; i++)
        in[i] = small_tensor(data, 2, (int64_t[]){1, 3});
    if (!s) s = ig_exec_run(x, out, in, &err);
    free(in);
    free(out);
    ig_exec_close(&x);
    ig_ingot_close(&f);
    return s;
}

#endif
