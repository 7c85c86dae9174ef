/* llm_convert.c - converting a checkpoint: memory for one weight, not for the model; every target
 * type computes nearly the same; a file that is cut off while it is read gives no model; failing
 * allocations are errors. */
#include "tests/llm/decode_rig.h"
#include "formats/convert.h"
#include "formats/ingot_convert.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 128, INNER = 256, VOCAB = 64, LAYERS = 24, PROMPT = 12 };

static char folder[200], target[240];

/* ---- a checkpoint of many layers: Llama with weights from a counter ---- */

typedef struct {
    json_t *header;
    size_t bytes;
} listing;

static void list(listing *l, const char *name, size_t n, size_t k)
{
    const size_t bytes = n * (k ? k : 1) * sizeof(float);
    json_t *shape = k ? json_pack("[i, i]", (int)n, (int)k) : json_pack("[i]", (int)n);
    json_object_set_new(l->header, name,
                        json_pack("{s: s, s: o, s: [I, I]}", "dtype", "F32", "shape", shape,
                                  "data_offsets", (json_int_t)l->bytes,
                                  (json_int_t)(l->bytes + bytes)));
    l->bytes += bytes;
}

static void list_layer(listing *l, int i)
{
    static const struct {
        const char *name;
        size_t n, k;
    } all[] = {{"self_attn.q_proj", WIDTH, WIDTH},    {"self_attn.k_proj", WIDTH, WIDTH},
               {"self_attn.v_proj", WIDTH, WIDTH},    {"self_attn.o_proj", WIDTH, WIDTH},
               {"mlp.gate_proj", INNER, WIDTH},       {"mlp.up_proj", INNER, WIDTH},
               {"mlp.down_proj", WIDTH, INNER},       {"input_layernorm", WIDTH, 0},
               {"post_attention_layernorm", WIDTH, 0}};
    for (size_t t = 0; t < IG_LEN(all); t++) {
        char name[100];
        snprintf(name, sizeof name, "model.layers.%d.%s.weight", i, all[t].name);
        list(l, name, all[t].n, all[t].k);
    }
}

static FILE *create(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

static void write_weights(int layers)
{
    listing l = {.header = json_object()};
    list(&l, "model.embed_tokens.weight", VOCAB, WIDTH);
    for (int i = 0; i < layers; i++) list_layer(&l, i);
    list(&l, "model.norm.weight", WIDTH, 0);
    char *text = json_dumps(l.header, 0);
    const uint64_t n = strlen(text);
    FILE *f = create("model.safetensors");
    fwrite(&n, sizeof n, 1, f);
    fwrite(text, 1, n, f);
    uint32_t seed = 1;
    for (size_t i = 0; i < l.bytes / sizeof(float); i++) {
        seed = seed * 1664525u + 1013904223u;
        const float w = ((float)(seed >> 8) * 0x1p-24f - 0.5f) * 0.3f;
        fwrite(&w, sizeof w, 1, f);
    }
    fclose(f);
    free(text);
    json_decref(l.header);
}

static void write_checkpoint(int layers)
{
    FILE *f = create("config.json");
    fprintf(f,
            "{\"model_type\": \"llama\", \"hidden_size\": %d, \"intermediate_size\": %d,"
            " \"num_attention_heads\": 4, \"vocab_size\": %d, \"num_hidden_layers\": %d,"
            " \"tie_word_embeddings\": true}",
            WIDTH, INNER, VOCAB, layers);
    fclose(f);
    write_weights(layers);
}

static int open_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.150s/ingot-convert-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) return 1;
    snprintf(target, sizeof target, "%s/m.ingot", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"config.json", "model.safetensors", "m.ingot"};
    (void)state;
    for (size_t i = 0; i < IG_LEN(names); i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static ingot_status convert(ig_heap *heap, ig_weight_target to, ingot_error *err)
{
    const ig_convert_options o = {.heap = heap, .target = to};
    return ig_convert_file(target, folder, &o, err);
}

/* ---- memory ---- */

static size_t peak_of(int layers, ig_weight_target to)
{
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    write_checkpoint(layers);
    check_ok(convert(&heap, to, &err));
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
    return atomic_load(&heap.peak_bytes);
}

/* The graph of a layer is small; its weights are not there all at once. */
static void streams_weights(void **state)
{
    (void)state;
    const size_t largest = (size_t)2 * INNER * WIDTH * sizeof(float); /* gate and up, packed */
    const size_t layer = ((size_t)4 * WIDTH * WIDTH + (size_t)3 * INNER * WIDTH) * sizeof(float);
    const size_t few = peak_of(2, IG_TO_F32), many = peak_of(LAYERS, IG_TO_F32);
    print_message(
        "peak %zu kB for 2 layers, %zu kB for %d layers of %zu kB, the largest weight has %zu kB\n",
        few / 1024, many / 1024, LAYERS, layer / 1024, largest / 1024);
    assert_true(many < largest + (2 << 20));
    assert_true(many - few < (LAYERS - 2) * layer / 10);
}

/* ---- target types ---- */

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static size_t run_as(float *logits, ig_weight_target to)
{
    static const int32_t ids[PROMPT] = {3, 17, 60, 2, 2, 41, 9, 33, 5, 28, 11, 50};
    ingot_error err;
    ig_heap heap;
    decode_rig rig;
    ig_heap_init(&heap, NULL);
    check_ok(convert(&heap, to, &err));
    rig_open(&rig, &heap, target);
    assert_int_equal(rig.vocab, VOCAB);
    rig_step(&rig, logits, ids, PROMPT);
    const size_t bytes = rig.file->n_bytes;
    rig_close(&rig);
    return bytes;
}

static void target_types(void **state)
{
    (void)state;
    static const struct {
        ig_weight_target to;
        double like; /* cosine with f32, at least */
        double size; /* of the file, against f32, at most */
    } all[] = {{IG_KEEP, 1, 1},
               {IG_TO_F16, 0.99999, 0.52},
               {IG_TO_BF16, 0.999, 0.52},
               {IG_TO_Q8, 0.999, 0.28},
               {IG_TO_Q4, 0.97, 0.17},
               {IG_TO_F8, 0.998, 0.28},
               {IG_TO_F8_BLOCKS, 0.998, 0.28}};
    static float want[PROMPT * VOCAB], got[PROMPT * VOCAB];
    write_checkpoint(4);
    const double whole = (double)run_as(want, IG_TO_F32);
    for (size_t i = 0; i < IG_LEN(all); i++) {
        const double part = (double)run_as(got, all[i].to) / whole;
        const double like = cosine(got, want, IG_LEN(want));
        print_message("type %d: cosine %.6f, %.3f of the size\n", (int)all[i].to, like, part);
        assert_true(like >= all[i].like - 1e-12 && part <= all[i].size);
    }
    assert_int_equal(run_as(got, IG_KEEP), run_as(want, IG_TO_F32));
    assert_memory_equal(got, want, sizeof got);
}

/* The same through the public library. */
static void public_call(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_ingot *f;
    ingot_convert_options o = {.size = sizeof o, .dtype = "q8", .name = "tiny"};
    ig_heap_init(&heap, NULL);
    write_checkpoint(1);
    check_ok(ingot_convert_file(target, folder, &o, &err));
    check_ok(ig_ingot_open(&f, &heap, target, &err));
    bool hashed = false;
    for (size_t i = 0; i < f->meta.n; i++)
        hashed |= !strcmp(f->meta.v[i].key, "source.xxh3") && strlen(f->meta.v[i].s) == 32;
    assert_true(hashed);
    ig_ingot_close(&f);
    o.dtype = "q5";
    assert_int_equal(ingot_convert_file(target, folder, &o, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "'q5'"));
    o.dtype = "fp8-block";
    o.activations = "fp8";
    check_ok(ingot_convert_file(target, folder, &o, &err));
    o.activations = "fp9";
    assert_int_equal(ingot_convert_file(target, folder, &o, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "'fp9'"));
    o.activations = "fp8"; /* but no weights of it */
    o.dtype = "q8";
    assert_int_equal(ingot_convert_file(target, folder, &o, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "needs weights of fp8"));
}

/* ---- what goes wrong ---- */

/* A weight that half precision cannot hold. */
static void too_large_for_half(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    write_checkpoint(1);
    char path[300];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    uint64_t n;
    const float big = 1e6f;
    assert_int_equal(fread(&n, sizeof n, 1, f), 1);
    fseek(f, (long)(sizeof n + n), SEEK_SET);
    fwrite(&big, sizeof big, 1, f);
    fclose(f);
    assert_int_equal(convert(&heap, IG_TO_F16, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "model.embed_tokens.weight"));
    assert_non_null(strstr(err.text, "1e+06"));
    assert_int_equal(convert(&heap, IG_TO_BF16, &err), INGOT_OK);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
}

typedef struct {
    long left;
} nth;

/* libc, until the n-th allocation. */
static void *fail_nth(void *ud, void *p, size_t old, size_t now)
{
    nth *count = ud;
    (void)old;
    if (!now) {
        free(p);
        return NULL;
    }
    if (p || count->left-- <= 0) return NULL;
    return aligned_alloc(64, (now + 63) / 64 * 64);
}

static void failing_allocations(void **state)
{
    (void)state;
    ingot_error err;
    write_checkpoint(1);
    for (long n = 0;; n++) {
        nth count = {n};
        ig_heap heap;
        ig_heap_init(&heap, &(ingot_alloc){fail_nth, &count});
        const ingot_status s = convert(&heap, IG_TO_Q4, &err);
        assert_int_equal(atomic_load(&heap.live_bytes), 0);
        if (!s) {
            print_message("%ld allocations\n", n);
            assert_true(n > 20);
            return;
        }
        assert_int_equal(s, INGOT_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_weights), cmocka_unit_test(target_types),
        cmocka_unit_test(public_call), cmocka_unit_test(too_large_for_half),
        cmocka_unit_test(failing_allocations)};
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
