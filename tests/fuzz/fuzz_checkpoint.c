/* fuzz_checkpoint.c - language models from anywhere: GGUF files and checkpoints of llama2.c. An
 * error that says what is wrong, or a graph whose weights can all be made; all memory back. */
#include "formats/import.h"
#include "runtime/graph/pass.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_endings = ".gguf .bin";
long fuzz_taken;

enum { MEMORY = 64 << 20 };

extern const ig_importer ig_importer_gguf, ig_importer_llama2c;

static ingot_status take(ig_import *im, const ig_source *src, ingot_error *err)
{
    const ig_importer *i = ig_importer_gguf.is(src) ? &ig_importer_gguf : &ig_importer_llama2c;
    ingot_status s = i->read(im, src, err);
    if (!s) s = ig_graph_check(im->graph, err);
    return s ? s : ig_graph_fill(im->graph, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bound b = {MEMORY};
    ig_heap heap;
    ig_import im = {0};
    ingot_error err = {0};
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    ig_bytes_init(&im.tokenizer, &heap);
    const ig_source src = {.path = "fuzz", .bytes = data, .n_bytes = size, .heap = &heap};
    const ingot_status s = take(&im, &src, &err);
    if (s && !err.text[0]) abort();
    fuzz_taken += !s;
    ig_graph_close(&im.graph);
    ig_bytes_clear(&im.tokenizer);
    if (atomic_load(&heap.live_bytes)) abort();
    return 0;
}
