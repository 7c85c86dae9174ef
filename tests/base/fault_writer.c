/* fault_writer.c - a limit of file sizes and a full disk: a clear error, the old file, no rubbish.
 */
#include "tests/check.h"
#include "runtime/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 700000, OTHER_FAILURE = 100, NO_MOUNT };

static char folder[64];

static size_t count_files(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.' || e->d_name[1] == 'i';
    if (d) closedir(d);
    return n;
}

static ingot_status write_file(ig_heap *heap, const char *path, size_t n_chunks, ingot_error *err)
{
    static unsigned char chunk[CHUNK];
    ig_writer w;
    IG_TRY(ig_writer_open(&w, heap, path, err));
    for (size_t i = 0; i < n_chunks; i++) IG_TRY(ig_writer_put(&w, chunk, sizeof chunk, err));
    IG_TRY(ig_writer_patch(&w, 0, "head", 4, err));
    return ig_writer_commit(&w, err);
}

/* The old file stays, the error says `why`, nothing else is in the folder, nothing leaks. */
static int check_failure(const char *why)
{
    char path[96];
    snprintf(path, sizeof path, "%s/target", folder);
    ig_heap heap;
    ingot_error err;
    struct stat st;
    ig_heap_init(&heap, NULL);
    if (write_file(&heap, path, 1, &err)) return 1;
    for (int i = 0; i < 3; i++) {
        if (write_file(&heap, path, 8, &err) != INGOT_E_IO) return 2;
        if (!strstr(err.text, why) || !strstr(err.text, path)) return 3;
        if (count_files() != 1) return 4;
        if (stat(path, &st) || st.st_size != CHUNK) return 5;
    }
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGXFSZ)) return 6;
    return atomic_load(&heap.live_bytes) ? 7 : 0;
}

static int in_child(int (*body)(void))
{
    const pid_t child = fork();
    if (child == 0) _exit(body());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int over_the_limit(void)
{
    const struct rlimit limit = {3 << 20, 3 << 20};
    if (setrlimit(RLIMIT_FSIZE, &limit)) return OTHER_FAILURE;
    return check_failure("limit of file sizes");
}

static void a_limit_of_file_sizes_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(in_child(over_the_limit), 0);
}

/* A disk of 3 MB in a mount namespace of the child's own; needs the right to make one. */
static int on_a_full_disk(void)
{
    if (unshare(CLONE_NEWNS)) return NO_MOUNT;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return NO_MOUNT;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=3m")) return NO_MOUNT;
    return check_failure("disk is full");
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    const int result = in_child(on_a_full_disk);
    if (result == NO_MOUNT) {
        printf("skipped: no right to mount a small disk\n");
        skip();
    }
    assert_int_equal(result, 0);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/ingot-fault-XXXXXX", P_tmpdir);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[96];
    snprintf(path, sizeof path, "%s/target", folder);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_of_file_sizes_is_an_error),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
