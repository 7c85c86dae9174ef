/* unit_log.c - messages go to the host's function or to stderr, and levels drop the rest. */
#include "tests/check.h"
#include "runtime/base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int n, level;
    char text[600];
} heard;

static void hear(void *ud, int level, const char *text)
{
    heard *h = ud;
    h->n++;
    h->level = level;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static void levels_drop_what_is_above(void **state)
{
    (void)state;
    heard h = {0};
    const ig_log log = {hear, &h, IG_LOG_WARN};
    ig_log_say(&log, IG_LOG_INFO, "no");
    ig_log_say(&log, IG_LOG_DEBUG, "no");
    assert_int_equal(h.n, 0);
    ig_log_say(&log, IG_LOG_WARN, "slow %s: %d ms", "map", 12);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.level, IG_LOG_WARN);
    assert_string_equal(h.text, "slow map: 12 ms");
    ig_log_say(&log, IG_LOG_ERROR, "worse");
    assert_int_equal(h.level, IG_LOG_ERROR);
    ig_log_say(NULL, IG_LOG_ERROR, "nobody listens");
    assert_int_equal(h.n, 2);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    heard h = {0};
    const ig_log log = {hear, &h, IG_LOG_DEBUG};
    char big[2000];
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = 0;
    ig_log_say(&log, IG_LOG_INFO, "%s", big);
    assert_int_equal(strlen(h.text), 511);
}

static void without_a_host_stderr_gets_it(void **state)
{
    (void)state;
    const ig_log log = {.level = IG_LOG_INFO};
    FILE *f = tmpfile();
    assert_non_null(f);
    fflush(stderr);
    const int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
    ig_log_say(&log, IG_LOG_INFO, "ready in %d ms", 3);
    ig_log_say(&log, IG_LOG_DEBUG, "dropped");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(f);
    char text[100] = "";
    const size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    assert_string_equal(text, "ingot: ready in 3 ms\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_drop_what_is_above),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(without_a_host_stderr_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
