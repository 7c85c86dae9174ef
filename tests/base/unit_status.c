/* unit_status.c - an error says what and where, is always terminated, and takes contexts. */
#include "tests/check.h"

#include <string.h>

static void every_status_has_its_own_text(void **state)
{
    (void)state;
    static const ingot_status all[] = {
#define X(name, code, text) INGOT_##name,
        INGOT_STATUS_MAP(X)
#undef X
    };
    const size_t n = sizeof all / sizeof all[0];
    for (size_t i = 0; i < n; i++) {
        assert_string_not_equal(ingot_status_text(all[i]), "unknown status");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ingot_status_text(all[i]), ingot_status_text(all[j]));
    }
    assert_string_equal(ingot_status_text((ingot_status)-999), "unknown status");
    assert_int_equal(INGOT_OK, 0);
}

static void an_error_is_filled(void **state)
{
    (void)state;
    ingot_error err;
    memset(&err, 0xff, sizeof err);
    const int line = __LINE__ + 1;
    assert_int_equal(ig_fail(&err, INGOT_E_DATA, "row %d of %s", 7, "x.csv"), INGOT_E_DATA);
    assert_int_equal(err.status, INGOT_E_DATA);
    assert_string_equal(err.text, "row 7 of x.csv");
    assert_non_null(strstr(err.file, "unit_status.c"));
    assert_int_equal(err.line, line);
    assert_int_equal(ig_fail(NULL, INGOT_E_IO, "unheard"), INGOT_E_IO);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char big[2000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    ingot_error err;
    memset(&err, 0xff, sizeof err);
    ig_fail(&err, INGOT_E_IO, "%s", big);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(ig_wrap(&err, INGOT_E_IO, "node %d", 3), INGOT_E_IO);
    assert_memory_equal(err.text, "node 3: aaa", 11);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(ig_wrap(&err, INGOT_E_IO, "%s", big), INGOT_E_IO); /* no room: unchanged */
    assert_memory_equal(err.text, "node 3: aaa", 11);
}

static void contexts_come_first(void **state)
{
    (void)state;
    ingot_error err;
    ig_fail(&err, INGOT_E_FORMAT, "bad offset");
    ig_wrap(&err, INGOT_E_FORMAT, "tensor %d", 2);
    ig_wrap(&err, INGOT_E_FORMAT, "%s", "m.ingot");
    assert_string_equal(err.text, "m.ingot: tensor 2: bad offset");
    assert_int_equal(ig_wrap(&err, INGOT_OK, "not wrapped"), INGOT_OK);
    assert_string_equal(err.text, "m.ingot: tensor 2: bad offset");
    assert_int_equal(ig_wrap(NULL, INGOT_E_IO, "x"), INGOT_E_IO);
}

static ingot_status try_it(ingot_status first, int *reached)
{
    IG_TRY(first);
    *reached = 1;
    return INGOT_E_FULL;
}

static void try_returns_what_failed(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(try_it(INGOT_E_ARG, &reached), INGOT_E_ARG);
    assert_int_equal(reached, 0);
    assert_int_equal(try_it(INGOT_OK, &reached), INGOT_E_FULL);
    assert_int_equal(reached, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_text),
        cmocka_unit_test(an_error_is_filled),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(contexts_come_first),
        cmocka_unit_test(try_returns_what_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
