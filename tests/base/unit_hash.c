/* unit_hash.c - digests equal those of xxh128sum 0.8.1, in one go and in pieces.
 * The data is byte i = top byte of (i * 2654435761 mod 2^32). */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 100000 };

static const struct {
    size_t n;
    const char *digest;
} known[] = {
    {0, "99aa06d3014798d86001c324468d497f"},    {1, "a6cd5e9392000f6ac44bdff4074eecdb"},
    {3, "977fcbc0448b49f6e14090f554a5ea90"},    {4, "4e82b36688c5328f4ee6926f0426173e"},
    {8, "7b4966a681f18d5779d85adaeefd615e"},    {9, "200d098a7113e15fee5940d4df4715ae"},
    {16, "78e8ab538d3acaab37286a19cf622308"},   {17, "1ea709ada2b9c32e33bed349ec1c0ce7"},
    {128, "5ac741c59c95d36ae1f0636051ccd2be"},  {129, "1240f4d960139642cfb3fed667226458"},
    {240, "640a6149838a7599b2e6947c477a4ab0"},  {241, "e817e20e53e42a8c2d431e984c441f15"},
    {1024, "df4c8b9ff9715101e99def1145f12936"}, {1025, "63e845aab7eb695f83cba9b371e4e7f4"},
    {MOST, "169bf5c50b17f183920056915640359f"},
};

static unsigned char data[MOST];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST; i++) data[i] = (unsigned char)((uint32_t)i * 2654435761u >> 24);
    return 0;
}

static void known_digests(void **state)
{
    (void)state;
    char text[33];
    for (size_t i = 0; i < IG_LEN(known); i++)
        assert_string_equal(ig_hash_text(text, ig_hash(data, known[i].n)), known[i].digest);
    assert_string_equal(ig_hash_text(text, ig_hash(NULL, 0)), known[0].digest);
}

static void pieces_give_the_same(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 3, 64, 255, 256, 257, 1024, 4099, MOST};
    for (size_t p = 0; p < IG_LEN(pieces); p++)
        for (size_t k = 0; k < IG_LEN(known); k++) {
            ig_hasher h;
            ig_hasher_init(&h);
            ig_hasher_add(&h, NULL, 0);
            for (size_t at = 0; at < known[k].n; at += pieces[p])
                ig_hasher_add(&h, data + at, IG_MIN(pieces[p], known[k].n - at));
            assert_true(ig_hash_equal(ig_hasher_result(&h), ig_hash(data, known[k].n)));
        }
}

static void a_result_may_be_asked_in_between(void **state)
{
    (void)state;
    ig_hasher h;
    ig_hasher_init(&h);
    ig_hasher_add(&h, data, 1000);
    assert_true(ig_hash_equal(ig_hasher_result(&h), ig_hash(data, 1000)));
    ig_hasher_add(&h, data + 1000, 24);
    assert_true(ig_hash_equal(ig_hasher_result(&h), ig_hash(data, 1024)));
}

static void every_bit_counts(void **state)
{
    (void)state;
    unsigned char copy[300];
    memcpy(copy, data, sizeof copy);
    const ig_hash128 whole = ig_hash(copy, sizeof copy);
    for (size_t bit = 0; bit < 8 * sizeof copy; bit++) {
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(ig_hash_equal(whole, ig_hash(copy, sizeof copy)));
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_true(ig_hash_equal(whole, ig_hash(copy, sizeof copy)));
    assert_false(ig_hash_equal(whole, ig_hash(copy, sizeof copy - 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(pieces_give_the_same),
        cmocka_unit_test(a_result_may_be_asked_in_between),
        cmocka_unit_test(every_bit_counts),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
