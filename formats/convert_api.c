/* convert_api.c - the public face of convert.h. */
#include "formats/convert.h"
#include "runtime/api/handles.h"

/* The header includes <ingot.h> for outside programs; inside it is the same file. */
#include "formats/ingot_convert.h"

ingot_status ingot_convert_file(const char *out, const char *src,
                                const ingot_convert_options *options, ingot_error *err)
{
    ingot_convert_options o;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_convert_options", err));
    ig_heap heap;
    ig_heap_init(&heap, &o.alloc);
    const ig_convert_options inner = {
        .heap = &heap, .from = o.from, .name = o.name, .version = o.version, .plain = o.plain};
    return ig_convert_file(out, src, &inner, err);
}
