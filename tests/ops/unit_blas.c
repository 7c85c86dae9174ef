/* unit_blas.c - OpenBLAS comes when it is asked for, not before, and multiplies what we mean. */
#include "runtime/ops/blas.h"
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

enum { M = 70, N = 65, K = 66 };

static bool is_mapped(void)
{
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) found |= strstr(line, "openblas") != NULL;
    if (maps) fclose(maps);
    return found;
}

static void comes_when_it_is_asked_for(void **state)
{
    (void)state;
    assert_false(is_mapped());
    assert_false(ig_blas_worth(4, 4, 4));
    assert_false(is_mapped());
    assert_int_equal(ig_blas_worth(M, N, K), ig_blas_name() != NULL);
}

static void multiplies_turned_operands(void **state)
{
    static float a[M * K], b[K * N], c[M * N];
    (void)state;
    if (!ig_blas_worth(M, N, K)) skip();
    for (int i = 0; i < M * K; i++) a[i] = (float)(i * 7 % 11 - 5);
    for (int i = 0; i < K * N; i++) b[i] = (float)(i * 5 % 13 - 6);
    for (int turned = 0; turned < 4; turned++) {
        const bool ta = turned & 1, tb = turned & 2;
        ig_blas_gemm(c, a, b, M, N, K, ta, tb, 0.5f, 2);
        for (int m = 0; m < M; m++)
            for (int n = 0; n < N; n++) {
                float want = 0; /* small integers: exact in any order */
                for (int k = 0; k < K; k++)
                    want += a[ta ? k * M + m : m * K + k] * b[tb ? n * K + k : k * N + n];
                if (c[m * N + n] != want / 2)
                    fail_msg("[%d, %d] is %g, not %g", m, n, (double)c[m * N + n],
                             (double)want / 2);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_when_it_is_asked_for),
        cmocka_unit_test(multiplies_turned_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
