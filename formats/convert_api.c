/* convert_api.c - the public face of convert.h. */
#include "formats/convert.h"
#include "runtime/api/handles.h"

/* The header includes <ingot.h> for outside programs; inside it is the same file. */
#include "formats/ingot_convert.h"

#include <string.h>

ingot_status ingot_convert_file(const char *out, const char *src,
                                const ingot_convert_options *options, ingot_error *err)
{
    ingot_convert_options o;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_convert_options", err));
    ig_heap heap;
    ig_heap_init(&heap, &o.alloc);
    const int target = o.dtype ? ig_weight_target_named(o.dtype) : IG_KEEP;
    if (target < 0) return ig_fail(err, INGOT_E_ARG, "dtype '%.40s' is unknown", o.dtype);
    if (o.activations && strcmp(o.activations, "keep") != 0 && strcmp(o.activations, "fp8") != 0)
        return ig_fail(err, INGOT_E_ARG, "activations '%.40s' are unknown", o.activations);
    const ig_convert_options inner = {.heap = &heap,
                                      .from = o.from,
                                      .name = o.name,
                                      .version = o.version,
                                      .plain = o.plain,
                                      .target = (ig_weight_target)target,
                                      .round_f8 = o.activations && !strcmp(o.activations, "fp8"),
                                      .tokenizer = o.tokenizer};
    return ig_convert_file(out, src, &inner, err);
}
