/* unit_interrupt.c - a signal in the middle of writing leaves no file; a watched stretch gets to
 * end by itself first. */
#include "tests/check.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/progress.h"
#include "tools/data/output.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/unit-interrupt-XXXXXX";

/* A child writes to a file in the folder and sends itself signals; its exit code. */
static int run_child(int signals, int number, bool watch)
{
    const pid_t child = fork();
    if (!child) {
        static ig_output out;
        ig_heap heap;
        ig_heap_init(&heap, NULL);
        ig_interrupt_install();
        ig_interrupt_watch(watch);
        if (chdir(folder) || ig_output_open(&out, &heap, "target", NULL)) _exit(99);
        if (out.sink.put(&out.sink, "half", 4, NULL)) _exit(98);
        for (int i = 0; i < signals; i++) raise(number);
        if (!ig_interrupted()) _exit(97);
        (void)ig_output_end(&out, INGOT_E_CANCELLED,
                            NULL); /* what a command does when it returns INGOT_E_CANCELLED */
        _exit(7);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_folder_is_empty(void)
{
    assert_int_equal(rmdir(folder), 0);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void a_signal_ends_the_process_and_its_files(void **state)
{
    (void)state;
    assert_int_equal(run_child(1, SIGINT, false), 130);
    check_folder_is_empty();
    assert_int_equal(run_child(1, SIGTERM, true), 143);
    check_folder_is_empty();
    assert_int_equal(run_child(1, SIGPIPE, false), 141);
    check_folder_is_empty();
}

static void a_watched_stretch_ends_by_itself(void **state)
{
    (void)state;
    assert_int_equal(run_child(1, SIGINT, true), 7);
    check_folder_is_empty();
    assert_int_equal(run_child(2, SIGINT, true), 130);
    check_folder_is_empty();
}

/* Standard error of a test is no terminal here: nothing may be drawn. */
static void no_bar_is_drawn_into_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    char got[64];
    assert_int_equal(pipe(ends), 0);
    const int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    ig_progress p;
    ig_progress_begin(&p, "working", 10, false);
    p.drawn = -1; /* long ago */
    ig_progress_step(&p, 5);
    ig_progress_end(&p);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    assert_int_equal(read(ends[0], got, sizeof got), 0);
    close(ends[0]);
}

int main(void)
{
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_the_process_and_its_files),
        cmocka_unit_test(a_watched_stretch_ends_by_itself),
        cmocka_unit_test(no_bar_is_drawn_into_a_pipe),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
