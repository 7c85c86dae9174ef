/* unit_registry.c - each family has a plain C variant, and lowering the CPU lowers the choice. */
#include "tests/check.h"
#include "kernels/cpu.h"
#include "kernels/registry.h"

#include <string.h>

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text), t = strlen(tail);
    return n >= t && !strcmp(text + n - t, tail);
}

static void every_family_has_a_reference(void **state)
{
    (void)state;
    size_t n;
    const ig_kernel *all = ig_kernels(&n);
    ig_cpu_mask(IG_CPU_REF);
    for (size_t i = 0; i < n; i++) {
        const ig_kernel *k = ig_kernel_chosen(all[i].family);
        if (!k) fail_msg("%s has no variant for every CPU", all[i].family);
        if (!ends_with(k->function, "_ref")) fail_msg("%s needs nothing", k->function);
    }
    ig_cpu_mask(UINT32_MAX);
}

static void the_choice_is_usable_and_known(void **state)
{
    (void)state;
    size_t n;
    const ig_kernel *all = ig_kernels(&n);
    for (size_t i = 0; i < n; i++) {
        const ig_kernel *k = ig_kernel_chosen(all[i].family);
        assert_non_null(k);
        assert_int_equal(k->needs & ~ig_cpu_flags(), 0);
        assert_string_equal(k->family, all[i].family);
        for (const ig_kernel *later = k + 1; later < all + n; later++)
            if (!strcmp(later->family, k->family) && !(later->needs & ~ig_cpu_flags()))
                fail_msg("%s is listed after the chosen %s", later->function, k->function);
    }
    assert_null(ig_kernel_chosen("no such family"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_has_a_reference),
        cmocka_unit_test(the_choice_is_usable_and_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
