/* device.h - the plugin under test, linked in with its emulator; one device with faults on demand.
 */
#ifndef IG_TESTS_DEVICE_H
#define IG_TESTS_DEVICE_H

#include "runtime/device/device.h"
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>

const ig_device_api *ingot_cuda_plugin_v1(void);

static inline void set_fault(const char *text)
{
    ingot_error err;
    if (text)
        setenv("INGOT_EMU_FAULT", text, 1);
    else
        unsetenv("INGOT_EMU_FAULT");
    (void)ingot_cuda_plugin_v1()->count(&err); /* reads it */
}

static inline ig_device *open_device(size_t budget)
{
    ingot_error err;
    ig_device *d;
    const ig_device_options o = {.budget_bytes = budget};
    check_ok(ingot_cuda_plugin_v1()->open(&d, 0, &o, &err));
    return d;
}

#endif
