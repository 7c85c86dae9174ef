/* fuzz_tokenizer.c - tokenizers from anywhere: tokenizer.json, GGUF and SentencePiece files, and
 * the bytes of a TOKENIZER section. An error, or a tokenizer that encodes and decodes; all memory
 * back. */
#include "formats/gguf/tokenizer.h"
#include "formats/tokenizer/import.h"
#include "runtime/text/detokenize.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char *const fuzz_endings = ".json .gguf .model";
long fuzz_taken;

enum { MEMORY = 256 << 20 };

static const char text[] =
    "Hello  world's <s> 123\n\t\xe6\x9d\xb1\xe4\xba\xac <mask> e\xcc\x81 \xf0\x9f\x98\x80";

static void speak(ig_heap *heap, const void *section, size_t n)
{
    ig_tokenizer *t = NULL;
    ig_token_work *w = NULL;
    ingot_error err = {0};
    ig_ids ids;
    ig_ids_init(&ids, heap);
    if (ig_tokenizer_open(&t, heap, section, n, &err) == INGOT_OK &&
        ig_token_work_open(&w, t, &err) == INGOT_OK &&
        ig_encode(&ids, w, text, sizeof text - 1, IG_ENCODE_SPECIAL, &err) == INGOT_OK) {
        ig_detokenizer d;
        ig_detokenizer_init(&d, t, heap, false);
        for (size_t i = 0; i < ids.n; i++)
            if (ig_detokenizer_add(&d, ids.v[i], &err)) break;
        fuzz_taken += ig_detokenizer_end(&d, &err) == INGOT_OK;
        ig_detokenizer_clear(&d);
    } else if (!err.text[0])
        abort(); /* a failure says what is wrong */
    ig_ids_clear(&ids);
    ig_token_work_close(&w);
    ig_tokenizer_close(&t);
}

static ingot_status read_recipe(ig_recipe *r, ig_arena *a, const uint8_t *data, size_t size,
                                ingot_error *err)
{
    ig_gguf g;
    if (size && data[0] == '{') return ig_tokenizer_from_json(r, a, (const char *)data, size, err);
    if (size < 4 || memcmp(data, "GGUF", 4))
        return ig_tokenizer_from_sentencepiece(r, a, data, size, err);
    const ingot_status s = ig_gguf_read(&g, a, data, size, err);
    return s ? s : ig_gguf_tokenizer(r, a, &g, err);
}

/* The section as the importer makes it, and again with one byte of it changed. */
static void try_section(ig_heap *heap, const uint8_t *data, size_t size)
{
    ig_arena a;
    ig_recipe r;
    ig_bytes section;
    ingot_error err = {0};
    ig_arena_init(&a, heap);
    ig_bytes_init(&section, heap);
    const ingot_status s = read_recipe(&r, &a, data, size, &err);
    if (s && !err.text[0]) abort();
    if (!s && ig_recipe_write(&section, &r, &err) == INGOT_OK) {
        speak(heap, section.p, section.n);
        uint64_t at = 1469598103934665603u;
        for (size_t i = 0; i < size; i++) at = (at ^ data[i]) * 1099511628211u;
        section.p[at % section.n] ^= (unsigned char)(1 + (at >> 40) % 255);
        speak(heap, section.p, section.n);
    }
    ig_bytes_clear(&section);
    ig_arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bound b = {MEMORY};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    try_section(&heap, data, size);
    if (atomic_load(&heap.live_bytes)) abort();
    return 0;
}
