/* unit_topology.c - quotas, cores and caches from a made-up /proc and /sys; thread counts. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/topology.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

/* Write a file beneath root, making its folders. */
static void put(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(const char *text, const char *format, ...)
{
    char path[512];
    const int n = snprintf(path, sizeof path, "%s/", root);
    va_list args;
    va_start(args, format);
    vsnprintf(path + n, sizeof path - (size_t)n, format, args);
    va_end(args);
    for (char *p = path + n; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        if (mkdir(path, 0700) && errno != EEXIST) fail_msg("mkdir %s", path);
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "%s/ingot-topology-XXXXXX", P_tmpdir);
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

#define assert_quota(want) assert_true(ig_cgroup_quota(root) == (want))

static void version_2_takes_the_tightest_above(void **state)
{
    (void)state;
    assert_quota(0.0); /* nothing there at all */
    put("0::/a/b/c\n", "proc/self/cgroup");
    assert_quota(0.0);
    put("max 100000\n", "sys/fs/cgroup/a/b/c/cpu.max");
    assert_quota(0.0);
    put("350000 100000\n", "sys/fs/cgroup/a/b/c/cpu.max");
    assert_quota(3.5);
    put("150000 100000\n", "sys/fs/cgroup/a/cpu.max");
    assert_quota(1.5);
    put("50000 100000\n", "sys/fs/cgroup/a/other/cpu.max"); /* not ours */
    assert_quota(1.5);
    put("nonsense\n", "sys/fs/cgroup/a/b/c/cpu.max");
    assert_quota(1.5);
    put("100000 0\n", "sys/fs/cgroup/a/cpu.max");
    assert_quota(0.0);
}

static void in_a_container_the_mount_itself_counts(void **state)
{
    (void)state;
    put("0::/../../outside\n", "proc/self/cgroup");
    put("200000 100000\n", "sys/fs/cgroup/cpu.max");
    assert_quota(2.0);
    put("0::/\n", "proc/self/cgroup");
    assert_quota(2.0);
}

static void version_1_reads_the_cpu_controller(void **state)
{
    (void)state;
    put("9:cpuset:/x\n5:memory:/y\n3:cpu,cpuacct:/docker/id\n0::/unused\n", "proc/self/cgroup");
    put("-1\n", "sys/fs/cgroup/cpu,cpuacct/docker/id/cpu.cfs_quota_us");
    put("100000\n", "sys/fs/cgroup/cpu,cpuacct/docker/id/cpu.cfs_period_us");
    assert_quota(0.0);
    put("250000\n", "sys/fs/cgroup/cpu,cpuacct/docker/id/cpu.cfs_quota_us");
    assert_quota(2.5);
    put("100000\n", "sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us");
    put("200000\n", "sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us");
    assert_quota(0.5);
    put("10000\n", "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us"); /* the path of another controller */
    put("10000\n", "sys/fs/cgroup/cpu/x/cpu.cfs_period_us");
    assert_quota(0.5);
}

/* 8 threads, 4 cores (siblings i, i + 4), two L3 caches and nodes. */
static void make_machine(void)
{
    put("processor: 0\nmodel name\t: Test CPU 9000\n", "proc/cpuinfo");
    for (int i = 0; i < 8; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d,%d\n", i % 4, i % 4 + 4);
        put(text, "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", i);
        static const char *const types[] = {"Data", "Instruction", "Unified", "Unified"};
        static const char *const levels[] = {"1", "1", "2", "3"};
        static const char *const sizes[] = {"32K", "64K", "512K", "16384K"};
        for (int c = 0; c < 4; c++) {
#define CACHE "sys/devices/system/cpu/cpu%d/cache/index%d/"
            put(types[c], CACHE "type", i, c);
            put(levels[c], CACHE "level", i, c);
            put(sizes[c], CACHE "size", i, c);
            put(c < 3 ? text : i % 4 < 2 ? "0-1,4-5" : "2-3,6-7", CACHE "shared_cpu_list", i, c);
        }
    }
    put("0-1,4-5\n", "sys/devices/system/node/node0/cpulist");
    put("2-3,6-7\n", "sys/devices/system/node/node1/cpulist");
}

static void sysfs_gives_cores_caches_and_nodes(void **state)
{
    (void)state;
    static ig_topology t;
    make_machine();
    ig_topology_sysfs(&t, root, "0-7");
    assert_string_equal(t.cpu_name, "Test CPU 9000");
    assert_string_equal(t.source, "sysfs");
    assert_int_equal(t.n_cpus, 8);
    assert_int_equal(t.n_cores, 4);
    assert_int_equal(t.n_fast, 4);
    assert_int_equal(t.n_caches, 2);
    assert_int_equal(t.n_nodes, 2);
    assert_int_equal(t.l1d_bytes, 32 << 10);
    assert_int_equal(t.l2_bytes, 512 << 10);
    assert_int_equal(t.l3_bytes, 16 << 20);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(t.cores[i].cpu, i);
        assert_int_equal(t.cores[i].cache, i / 2);
        assert_int_equal(t.cores[i].node, i / 2);
    }
    ig_topology_sysfs(&t, root, "3,5-7"); /* of core 0 nothing, of core 1 the second thread */
    assert_int_equal(t.n_cpus, 4);
    assert_int_equal(t.n_cores, 3);
    put("1-3,5-7\n", "sys/devices/cpu_atom/cpus");
    ig_topology_sysfs(&t, root, "0-7");
    assert_int_equal(t.n_cores, 4);
    assert_int_equal(t.n_fast, 1);
    assert_int_equal(t.cores[0].cpu, 0);
    ig_topology_sysfs(&t, root, "1-3");
    assert_int_equal(t.n_fast, 3); /* only slow ones: use them */
}

static size_t threads(size_t cpus, size_t cores, double quota, const char *env, const char **why)
{
    static ig_topology t;
    ingot_error err;
    size_t n = 0;
    t = (ig_topology){.n_cpus = cpus, .n_cores = cores, .n_fast = cores, .quota_cpus = quota};
    check_ok(ig_topology_count(&n, why, &t, env, &err));
    return n;
}

static void threads_follow_mask_quota_and_environment(void **state)
{
    (void)state;
    const char *why;
    assert_int_equal(threads(16, 8, 0, NULL, &why), 8);
    assert_string_equal(why, "physical cores in the affinity mask");
    assert_int_equal(threads(16, 8, 2.5, NULL, &why), 3);
    assert_string_equal(why, "control group's CPU quota");
    assert_int_equal(threads(16, 8, 0.1, NULL, NULL), 1);
    assert_int_equal(threads(16, 8, 100, "", NULL), 8);
    assert_int_equal(threads(16, 8, 0, "3", &why), 3);
    assert_string_equal(why, "INGOT_THREADS");
    assert_int_equal(threads(16, 8, 0, "12", NULL), 12); /* both threads of a core */
    assert_int_equal(threads(16, 8, 0, "99", NULL), 16);
    assert_int_equal(threads(16, 8, 2, "3", NULL), 2);
    assert_int_equal(threads(0, 0, 0, NULL, NULL), 1);
    static const char *const bad[] = {"0", "-1", "x", "3x", "1025", "99999999999999999999"};
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        static ig_topology t = {.n_cpus = 4, .n_fast = 4};
        ingot_error err;
        size_t n;
        assert_int_equal(ig_topology_count(&n, NULL, &t, bad[i], &err), INGOT_E_ARG);
        assert_non_null(strstr(err.text, bad[i]));
    }
}

static void this_machine_makes_sense(void **state)
{
    (void)state;
    static ig_topology fallback;
    const ig_topology *t = ig_topology_get();
    ig_topology_sysfs(&fallback, "", NULL);
    cpu_set_t mask;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    printf("%s by %s: %zu cores, %zu threads, %zu L3, %zu nodes, quota %g\n", t->cpu_name,
           t->source, t->n_cores, t->n_cpus, t->n_caches, t->n_nodes, t->quota_cpus);
    assert_int_equal(t->n_cpus, CPU_COUNT(&mask));
    assert_true(t->n_cores >= 1 && t->n_cores <= t->n_cpus && t->n_fast <= t->n_cores);
    assert_int_equal(t->n_cores, fallback.n_cores); /* two ways to read the same machine */
    for (size_t i = 0; i < t->n_cores; i++) assert_true(CPU_ISSET(t->cores[i].cpu, &mask));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_2_takes_the_tightest_above, make_root, remove_root),
        cmocka_unit_test_setup_teardown(in_a_container_the_mount_itself_counts, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(version_1_reads_the_cpu_controller, make_root, remove_root),
        cmocka_unit_test_setup_teardown(sysfs_gives_cores_caches_and_nodes, make_root, remove_root),
        cmocka_unit_test(threads_follow_mask_quota_and_environment),
        cmocka_unit_test(this_machine_makes_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
