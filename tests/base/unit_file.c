/* unit_file.c - mapped files keep their identity; what cannot be read or written says why. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static ig_heap heap;
static ingot_error err;
static char folder[64];

static char *in_folder(const char *name)
{
    static char paths[4][128];
    static size_t next;
    char *path = paths[next++ % IG_LEN(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return n;
}

static void put_file(const char *path, const char *text)
{
    ig_writer w;
    check_ok(ig_writer_open(&w, &heap, path, &err));
    check_ok(ig_writer_put(&w, text, strlen(text), &err));
    check_ok(ig_writer_commit(&w, &err));
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/ingot-unit-file-XXXXXX", P_tmpdir);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return heap.live_bytes == 0 ? system(command) : -1;
}

static void refuses_as(ingot_status status, const char *path, const char *why)
{
    ig_map map;
    assert_int_equal(ig_map_open(&map, &heap, path, &err), status);
    assert_null(map.data);
    if (!strstr(err.text, why) || !strstr(err.text, path))
        fail_msg("%s: not the message: %s", why, err.text);
}

static void refuses(const char *path, const char *why) { refuses_as(INGOT_E_IO, path, why); }

static void what_cannot_be_mapped_says_why(void **state)
{
    (void)state;
    refuses(in_folder("none"), "no such file");
    refuses(folder, "is a folder");
    close(open(in_folder("empty"), O_CREAT | O_WRONLY, 0600));
    refuses_as(INGOT_E_FORMAT, in_folder("empty"), "is empty");
    refuses(in_folder("empty/x"), "not a folder");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    refuses(in_folder("pipe"), "not a regular file");
    refuses("/dev/null", "not a regular file");
    if (geteuid() != 0) {
        put_file(in_folder("secret"), "x");
        assert_int_equal(chmod(in_folder("secret"), 0), 0);
        refuses(in_folder("secret"), "no permission");
    }
}

static void a_map_sees_changes(void **state)
{
    (void)state;
    const char *path = in_folder("model");
    ig_map map;
    put_file(path, "hello");
    check_ok(ig_map_open(&map, &heap, path, &err));
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "hello", 5);
    assert_int_equal(ig_file_changed(&map), IG_FILE_SAME);
    const struct timespec times[2] = {{1, 2}, {3, 4}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(ig_file_changed(&map), IG_FILE_MODIFIED);
    assert_int_equal(truncate(path, 2), 0);
    assert_int_equal(ig_file_changed(&map), IG_FILE_RESIZED);
    put_file(path, "other");
    assert_int_equal(ig_file_changed(&map), IG_FILE_REPLACED);
    unlink(path);
    assert_int_equal(ig_file_changed(&map), IG_FILE_REMOVED);
    assert_string_equal(ig_file_change_text(IG_FILE_REMOVED), "removed");
    ig_map_close(&map);
    ig_map_close(&map);
    assert_null(map.data);
}

static void pieces_pads_and_patches_arrive(void **state)
{
    (void)state;
    enum { BIG = 3 << 20 };
    const char *path = in_folder("pieces");
    unsigned char *big = malloc(BIG);
    assert_non_null(big);
    for (size_t i = 0; i < BIG; i++) big[i] = (unsigned char)(i * 31 + i / 977);
    ig_writer w;
    check_ok(ig_writer_open(&w, &heap, path, &err));
    check_ok(ig_writer_put(&w, "head", 4, &err));
    check_ok(ig_writer_pad(&w, 64, &err));
    check_ok(ig_writer_pad(&w, 64, &err));
    assert_int_equal(w.position, 64);
    check_ok(ig_writer_put(&w, big, BIG, &err));
    for (size_t i = 0; i < BIG; i += 1000) /* small ones across the buffer's end */
        check_ok(ig_writer_put(&w, big + i, IG_MIN((size_t)1000, BIG - i), &err));
    check_ok(ig_writer_pad(&w, 100000, &err));
    check_ok(ig_writer_patch(&w, 1, "EA", 2, &err));
    assert_int_equal(access(path, F_OK), -1);
    check_ok(ig_writer_commit(&w, &err));
    ig_map map;
    check_ok(ig_map_open(&map, &heap, path, &err));
    assert_int_equal(map.size, (64 + 2 * BIG + 99999) / 100000 * 100000);
    assert_memory_equal(map.data, "hEAd\0\0", 6);
    assert_memory_equal(map.data + 64, big, BIG);
    assert_memory_equal(map.data + 64 + BIG, big, BIG);
    assert_int_equal(map.data[map.size - 1], 0);
    ig_map_close(&map);
    free(big);
}

static void cannot_write(const char *path, const char *why)
{
    ig_writer w;
    const size_t files = count_files();
    assert_int_equal(ig_writer_open(&w, &heap, path, &err), INGOT_E_IO);
    assert_int_equal(w.fd, -1);
    assert_int_equal(ig_writer_put(&w, "x", 1, &err), INGOT_E_IO);
    ig_writer_abort(&w);
    assert_int_equal(count_files(), files);
    assert_int_equal(ig_writer_open(&w, &heap, path, &err), INGOT_E_IO);
    if (!strstr(err.text, why)) fail_msg("%s: not the message: %s", why, err.text);
}

static void what_cannot_be_written_says_why(void **state)
{
    (void)state;
    cannot_write(in_folder("none/x"), "folder does not exist");
    cannot_write(folder, "is a folder");
    cannot_write(in_folder("pipe"), "not a regular file");
    cannot_write("/dev/null", "not a regular file");
    cannot_write("", "empty path");
    assert_int_equal(symlink("/dev/full", in_folder("to-device")), 0);
    cannot_write(in_folder("to-device"), "not a regular file");
    assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
    cannot_write(in_folder("dangling"), "leads nowhere");
}

static void a_target_keeps_its_mode_and_its_link(void **state)
{
    (void)state;
    struct stat st;
    put_file(in_folder("real"), "old");
    assert_int_equal(chmod(in_folder("real"), 0640), 0);
    assert_int_equal(symlink("real", in_folder("link")), 0);
    put_file(in_folder("link"), "new!");
    assert_int_equal(lstat(in_folder("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_folder("real"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, 4);
    const mode_t mask = umask(027);
    put_file(in_folder("fresh"), "x");
    umask(mask);
    assert_int_equal(stat(in_folder("fresh"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void an_aborted_writer_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = in_folder("kept");
    put_file(path, "old");
    const size_t files = count_files();
    ig_writer w;
    check_ok(ig_writer_open(&w, &heap, path, &err));
    check_ok(ig_writer_put(&w, "half", 4, &err));
    assert_int_equal(count_files(), files + 1);
    ig_writer_abort(&w);
    ig_writer_abort(&w);
    assert_int_equal(count_files(), files);
    ig_map map;
    check_ok(ig_map_open(&map, &heap, path, &err));
    assert_memory_equal(map.data, "old", 3);
    ig_map_close(&map);
}

static void on_signal(int number)
{
    (void)number;
    ig_writer_unlink_all();
    _exit(130);
}

static void a_signal_removes_the_temporaries(void **state)
{
    (void)state;
    const size_t files = count_files();
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, on_signal);
        ig_writer a, b;
        if (ig_writer_open(&a, &heap, in_folder("a"), NULL)) _exit(1);
        if (ig_writer_open(&b, &heap, in_folder("b"), NULL)) _exit(1);
        if (count_files() != files + 2) _exit(2);
        const pid_t grandchild = fork(); /* must leave its parent's files alone */
        if (grandchild == 0) raise(SIGINT);
        waitpid(grandchild, NULL, 0);
        if (count_files() != files + 2) _exit(3);
        raise(SIGINT);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_int_equal(count_files(), files);
}

static void only_so_many_writers_at_once(void **state)
{
    (void)state;
    ig_writer w[33];
    const size_t files = count_files();
    for (size_t i = 0; i < 32; i++) check_ok(ig_writer_open(&w[i], &heap, in_folder("many"), &err));
    assert_int_equal(ig_writer_open(&w[32], &heap, in_folder("many"), &err), INGOT_E_FULL);
    for (size_t i = 0; i < 33; i++) ig_writer_abort(&w[i]);
    assert_int_equal(count_files(), files);
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_mapped_says_why),
        cmocka_unit_test(a_map_sees_changes),
        cmocka_unit_test(pieces_pads_and_patches_arrive),
        cmocka_unit_test(what_cannot_be_written_says_why),
        cmocka_unit_test(a_target_keeps_its_mode_and_its_link),
        cmocka_unit_test(an_aborted_writer_leaves_the_old_file),
        cmocka_unit_test(a_signal_removes_the_temporaries),
        cmocka_unit_test(only_so_many_writers_at_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
