/* fuzz_onnx.c - ONNX bytes from anywhere: an error or a graph, and all memory back. */
#include "tests/fuzz/fuzz.h"
#include "formats/onnx/onnx.h"
#include "runtime/graph/pass.h"

#include <stdlib.h>

const char *const fuzz_endings = ".onnx";
long fuzz_taken;

/* Memory in proportion to the file: what the structs of the densest messages need, and a floor. */
enum { FLOOR = 8 << 20, TIMES = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bound b = {FLOOR + TIMES * size};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    ig_graph *g;
    ig_onnx_meta meta;
    ingot_error err = {0};
    const ingot_status s = ig_onnx_read(&g, &meta, &heap, data, size, NULL, NULL, &err);
    if (s && (!err.text[0] || g)) abort(); /* a failure says what is wrong */
    fuzz_taken += !s;
    if (!s && ig_infer_graph(g, &heap, &err) == INGOT_OK && ig_graph_check(g, &err)) abort();
    ig_graph_close(&g);
    if (atomic_load(&heap.live_bytes)) abort();
    return 0;
}
