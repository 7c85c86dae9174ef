/* whole.c - see whole.h. */
#include "tools/data/whole.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

ingot_status ig_read_whole(ig_bytes *to, const char *path, ingot_error *err)
{
    const bool is_stdin = !strcmp(path, "-");
    FILE *f = is_stdin ? stdin : fopen(path, "rb");
    if (!f) return ig_fail(err, INGOT_E_DATA, "%s: %s", path, strerror(errno));
    char piece[1 << 14];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) ig_put(to, piece, n);
    const int failed = ferror(f) ? errno : 0;
    if (!is_stdin) fclose(f);
    if (failed) return ig_fail(err, INGOT_E_IO, "%s: %s", path, strerror(failed));
    return to->failed ? ig_fail(err, INGOT_E_NOMEM, "%s: no memory to read it", path) : INGOT_OK;
}
