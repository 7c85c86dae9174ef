/* unit_llama2c.c - checkpoints of llama2.c: the same weights in all three versions are the same
 * model, cut off and overstated ones are errors; their tokenizers. */
#include "formats/llama2c/checkpoint.h"
#include "formats/llama2c/tokenizer.h"
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 32,
    INNER = 64,
    LAYERS = 2,
    HEADS = 4,
    KV = 2,
    VOCAB = 48,
    CONTEXT = 16,
    GROUP = 32
};
enum { KEYS = WIDTH / HEADS * KV };

/* Weights are multiples of 1 / 127 whose groups reach 1, so that 8 bits hold them exactly. */
static float weight(size_t i)
{
    return i % GROUP == 0 ? 1.0f : (float)((int)(i * 7919 % 255) - 127) / 127.0f;
}

static void put_f32(ig_bytes *b, float x) { ig_put(b, &x, sizeof x); }

static void put_floats(ig_bytes *b, size_t n)
{
    for (size_t i = 0; i < n; i++) put_f32(b, weight(i));
}

/* A matrix; low: as i8 in groups, then their scales. */
static void put_matrix(ig_bytes *b, size_t n, bool low)
{
    if (!low) {
        put_floats(b, n);
        return;
    }
    for (size_t i = 0; i < n; i++) ig_put_u8(b, (unsigned)(uint8_t)(int8_t)rintf(127 * weight(i)));
    for (size_t i = 0; i < n / GROUP; i++) put_f32(b, 1.0f / 127);
}

static void put_layers(ig_bytes *b, size_t n, bool low)
{
    for (size_t i = 0; i < LAYERS; i++) put_matrix(b, n, low);
}

static void put_head(ig_bytes *b, int version, bool tied)
{
    const int32_t sizes[] = {WIDTH, INNER, LAYERS, HEADS, KV, VOCAB, CONTEXT};
    if (version) {
        ig_put_u32(b, 0x616b3432);
        ig_put_u32(b, (uint32_t)version);
    }
    for (size_t i = 0; i < 7; i++)
        ig_put_u32(b, (uint32_t)(!version && !tied && i == 5 ? -sizes[i] : sizes[i]));
    if (!version) return;
    ig_put_u8(b, tied);
    ig_put_u32(b, version == 2 ? GROUP : 0);
    while (b->n < 256) ig_put_u8(b, 0);
}

static void put_checkpoint(ig_bytes *b, int version, bool tied)
{
    static const size_t kinds[] = {WIDTH * WIDTH, KEYS * WIDTH,  KEYS * WIDTH, WIDTH * WIDTH,
                                   INNER * WIDTH, WIDTH * INNER, INNER * WIDTH};
    const bool low = version == 2;
    put_head(b, version, tied);
    if (!version) put_matrix(b, VOCAB * WIDTH, low);
    put_layers(b, WIDTH, false); /* norms before attention */
    if (version) {
        put_layers(b, WIDTH, false);
        put_floats(b, WIDTH);
        put_matrix(b, VOCAB * WIDTH, low);
    }
    for (size_t i = 0; i < 7; i++) {
        if (!version && i == 4) put_layers(b, WIDTH, false);
        put_layers(b, kinds[i], low);
    }
    if (!version) {
        put_floats(b, WIDTH);
        for (size_t i = 0; i < CONTEXT * WIDTH / HEADS; i++) put_f32(b, 0);
    }
    if (!tied) put_matrix(b, VOCAB * WIDTH, low);
    assert_false(b->failed);
}

typedef struct {
    ig_heap heap;
    ig_arena arena;
    ig_bytes bytes;
    ig_llm m;
    ig_checkpoint c;
} file;

static ingot_status read_file(file *f, size_t n, ingot_error *err)
{
    ig_llama2c_head h;
    f->c = (ig_checkpoint){0};
    ig_llm_init(&f->m);
    if (!ig_llama2c_head_read(&h, f->bytes.p, n))
        return ig_fail(err, INGOT_E_FORMAT, "not a checkpoint");
    IG_TRY(ig_llama2c_read(&f->m, &f->c, &f->arena, &h, f->bytes.p, n, err));
    return ig_llm_check(&f->m, err);
}

static void open_file(file *f, int version, bool tied)
{
    ig_heap_init(&f->heap, NULL);
    ig_arena_init(&f->arena, &f->heap);
    ig_bytes_init(&f->bytes, &f->heap);
    put_checkpoint(&f->bytes, version, tied);
}

static void close_file(file *f)
{
    ig_arena_clear(&f->arena);
    ig_bytes_clear(&f->bytes);
    assert_int_equal(f->heap.live_bytes, 0);
}

static void check_rows(const ig_rows *r, size_t rows, size_t columns)
{
    float got[INNER];
    ingot_error err;
    assert_non_null(r->tensor);
    assert_int_equal(ig_rows_n(r), rows);
    for (size_t i = 0; i < rows; i++) {
        check_ok(ig_rows_read(got, r, i, &err));
        for (size_t k = 0; k < columns; k++)
            assert_true(fabsf(got[k] - weight(i * columns + k)) < 1e-6f);
    }
}

static void all_versions_hold_the_same(void **state)
{
    (void)state;
    for (int version = 0; version <= 2; version++)
        for (int tied = 0; tied < 2; tied++) {
            file f;
            ingot_error err;
            open_file(&f, version, tied);
            check_ok(read_file(&f, f.bytes.n, &err));
            assert_int_equal(f.m.n_layers, LAYERS);
            assert_int_equal(f.m.vocab, VOCAB);
            assert_true(f.m.interleaved && f.m.add_bos == 1);
            for (size_t i = 0; i < LAYERS; i++) {
                const ig_llm_layer *l = &f.m.layers[i];
                check_rows(&l->q.w, WIDTH, WIDTH);
                check_rows(&l->k.w, KEYS, WIDTH);
                check_rows(&l->v.w, KEYS, WIDTH);
                check_rows(&l->mlp.up.w, INNER, WIDTH);
                check_rows(&l->mlp.down.w, WIDTH, INNER);
                check_rows(&l->attn_norm.gamma, WIDTH, 1);
            }
            check_rows(&f.m.embedding, VOCAB, WIDTH);
            assert_int_equal(f.m.output.w.tensor == NULL, tied);
            if (!tied) check_rows(&f.m.output.w, VOCAB, WIDTH);
            close_file(&f);
        }
}

static void cut_off_files_are_errors(void **state)
{
    (void)state;
    for (int version = 0; version <= 2; version++) {
        file f;
        ingot_error err = {0};
        open_file(&f, version, false);
        for (size_t n = 0; n < f.bytes.n; n += 61) {
            assert_int_equal(read_file(&f, n, &err), INGOT_E_FORMAT);
            ig_arena_reset(&f.arena);
        }
        close_file(&f);
    }
}

/* Sizes that no file has: nothing is taken for them. */
static void overstated_sizes_are_errors(void **state)
{
    (void)state;
    for (int version = 0; version <= 2; version++)
        for (size_t at = version ? 8 : 0; at < (size_t)(version ? 36 : 28); at += 4) {
            file f;
            ingot_error err = {0};
            open_file(&f, version, true);
            const uint32_t huge = 0x7ffffff0;
            memcpy(f.bytes.p + at, &huge, sizeof huge);
            const bool context = at + 4 == (size_t)(version ? 36 : 28);
            const ingot_status s = read_file(&f, f.bytes.n, &err);
            assert_true(s != INGOT_OK || (version && context)); /* a context takes no room there */
            assert_true(f.heap.live_bytes < 1 << 20);
            close_file(&f);
        }
}

static void later_versions_are_refused_by_name(void **state)
{
    (void)state;
    file f;
    ingot_error err;
    open_file(&f, 3, true);
    assert_int_equal(read_file(&f, f.bytes.n, &err), INGOT_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "version 3"));
    close_file(&f);
    open_file(&f, 2, true);
    const uint32_t group = 24;
    memcpy(f.bytes.p + 37, &group, sizeof group);
    assert_int_equal(read_file(&f, f.bytes.n, &err), INGOT_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "groups of 24"));
    close_file(&f);
}

/* ---- tokenizers ---- */

static void put_piece(ig_bytes *b, float score, const char *text)
{
    put_f32(b, score);
    ig_put_u32(b, (uint32_t)strlen(text));
    ig_put(b, text, strlen(text));
}

static void tokenizers_are_read_and_checked(void **state)
{
    (void)state;
    file f = {0};
    ig_recipe r;
    ingot_error err;
    ig_heap_init(&f.heap, NULL);
    ig_arena_init(&f.arena, &f.heap);
    ig_bytes_init(&f.bytes, &f.heap);
    ig_put_u32(&f.bytes, 6);
    put_piece(&f.bytes, 0, "<unk>");
    put_piece(&f.bytes, 0, "\n<s>\n");
    put_piece(&f.bytes, 0, "\n</s>\n");
    put_piece(&f.bytes, 0, "<0x41>");
    put_piece(&f.bytes, -1, " a");
    check_ok(ig_llama2c_tokenizer(&r, &f.arena, f.bytes.p, f.bytes.n, &err));
    assert_int_equal(r.n_pieces, 5);
    assert_int_equal(r.pieces[1].kind, IG_PIECE_CONTROL);
    assert_int_equal(r.pieces[3].kind, IG_PIECE_BYTE);
    assert_int_equal(r.bos, 1);
    assert_int_equal(r.one.n, 2);
    for (size_t n = 0; n < f.bytes.n; n++) /* whole only where a piece ends */
        if (n != f.bytes.n - 10 && n != f.bytes.n - 24)
            assert_int_equal(ig_llama2c_tokenizer(&r, &f.arena, f.bytes.p, n, &err),
                             INGOT_E_FORMAT);
    const float bad = NAN;
    memcpy(f.bytes.p + 4, &bad, sizeof bad);
    assert_int_equal(ig_llama2c_tokenizer(&r, &f.arena, f.bytes.p, f.bytes.n, &err),
                     INGOT_E_FORMAT);
    close_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_versions_hold_the_same),
        cmocka_unit_test(cut_off_files_are_errors),
        cmocka_unit_test(overstated_sizes_are_errors),
        cmocka_unit_test(later_versions_are_refused_by_name),
        cmocka_unit_test(tokenizers_are_read_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
