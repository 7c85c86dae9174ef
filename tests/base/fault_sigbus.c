/* fault_sigbus.c - a file cut while it is mapped: reads go on, the flag is raised, and faults that
 * are not ours still reach the handler that was there before. */
#include "tests/check.h"
#include "runtime/base/fault.h"
#include "runtime/base/file.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 1 << 20 };

static ig_heap heap;
static ingot_error err;

static void open_temporary(char *path, size_t size, ig_map *map)
{
    snprintf(path, size, "%s/ingot-fault-XXXXXX", P_tmpdir);
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    unsigned char *bytes = malloc(BYTES);
    assert_non_null(bytes);
    memset(bytes, 0x5a, BYTES);
    assert_int_equal(write(fd, bytes, BYTES), BYTES);
    free(bytes);
    close(fd);
    check_ok(ig_map_open(map, &heap, path, &err));
}

static size_t count_set(const ig_map *map)
{
    const volatile unsigned char *p = map->data;
    size_t n = 0;
    for (size_t i = 0; i < map->size; i += 64) n += p[i] == 0x5a;
    return n;
}

static void *read_it(void *arg) { return (void *)(uintptr_t)count_set(arg); }

static void a_cut_file_reads_as_zeros(void **state)
{
    (void)state;
    char path[128];
    ig_map map, whole;
    char other[128];
    open_temporary(path, sizeof path, &map);
    open_temporary(other, sizeof other, &whole);
    check_ok(ig_fault_guard_install(&err));
    check_ok(ig_fault_guard_install(&err));
    assert_true(ig_fault_guard_installed());
    check_ok(ig_fault_watch(map.data, map.size, &map.bad, &err));
    check_ok(ig_fault_watch(whole.data, whole.size, &whole.bad, &err));
    assert_int_equal(count_set(&map), BYTES / 64);
    assert_false(atomic_load(&map.bad));
    assert_int_equal(truncate(path, BYTES / 4), 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_it, &map), 0);
    for (int i = 0; i < 4; i++) {
        void *n;
        pthread_join(threads[i], &n);
        assert_int_equal((uintptr_t)n, BYTES / 64 / 4);
    }
    assert_true(atomic_load(&map.bad));
    assert_int_equal(count_set(&whole), BYTES / 64);
    assert_false(atomic_load(&whole.bad));
    ig_fault_unwatch(map.data);
    ig_fault_unwatch(map.data);
    ig_fault_unwatch(whole.data);
    ig_map_close(&map);
    ig_map_close(&whole);
    unlink(path);
    unlink(other);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
}

static void host_handler(int number)
{
    (void)number;
    _exit(42);
}

/* In a child: a host's handler or the default, then our guard, then a fault outside any watch. */
static int fault_outside(bool host, bool watched)
{
    const pid_t child = fork();
    if (child == 0) {
        char path[128];
        ig_map map;
        signal(SIGBUS, host ? host_handler : SIG_DFL);
        if (ig_fault_guard_install(NULL)) _exit(1);
        open_temporary(path, sizeof path, &map);
        if (watched && ig_fault_watch(map.data, map.size, &map.bad, NULL)) _exit(1);
        if (truncate(path, 0)) _exit(1);
        unlink(path);
        _exit(count_set(&map) == 0 && atomic_load(&map.bad) ? 7 : 8);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void other_faults_are_passed_on(void **state)
{
    (void)state;
    int status = fault_outside(true, false);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    status = fault_outside(false, false);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    status = fault_outside(true, true);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void the_list_has_an_end(void **state)
{
    (void)state;
    atomic_bool bad = false;
    char *p = mmap(NULL, IG_MAX_WATCHES + 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    for (size_t i = 0; i < IG_MAX_WATCHES; i++) check_ok(ig_fault_watch(p + i, 1, &bad, &err));
    assert_int_equal(ig_fault_watch(p + IG_MAX_WATCHES, 1, &bad, &err), INGOT_E_FULL);
    ig_fault_unwatch(p + 500);
    check_ok(ig_fault_watch(p + IG_MAX_WATCHES, 1, &bad, &err));
    for (size_t i = 0; i <= IG_MAX_WATCHES; i++) ig_fault_unwatch(p + i);
    munmap(p, IG_MAX_WATCHES + 1);
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_faults_are_passed_on), /* first: no guard in this process yet */
        cmocka_unit_test(a_cut_file_reads_as_zeros),
        cmocka_unit_test(the_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
