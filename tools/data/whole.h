/* whole.h - a text file, or standard input, read whole. */
#ifndef IG_WHOLE_H
#define IG_WHOLE_H

#include "runtime/base/bytes.h"

/* ig_read_whole - append all of `path` ("-": standard input; pipes too) to `to`. Errors: E_DATA (is
 * not there), E_IO, both with the path; E_NOMEM. */
ingot_status ig_read_whole(ig_bytes *to, const char *path, ingot_error *err);

#endif
