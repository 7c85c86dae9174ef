/* read.h - what the readers of the sections share. */
#ifndef IG_INGOT_READ_H
#define IG_INGOT_READ_H

#include "formats/ingot/ingot_file.h"
#include "runtime/base/bytes.h"

/* ig_section_fail - E_FORMAT: "section NAME, byte AT: reason". Returns it. */
ingot_status ig_section_fail(ingot_error *err, const char *section, size_t at, const char *format,
                             ...) __attribute__((format(printf, 4, 5)));
const ig_section *ig_find_section(const ig_ingot *f, uint32_t type); /* NULL: none */

ingot_status ig_read_type(ig_cursor *c, ig_type *type, const char *section, uint32_t n_symbols,
                          ingot_error *err);
bool ig_read_strings(ingot_str *out, const unsigned char *p, size_t bytes, size_t n);
ingot_status ig_read_graph(ig_ingot *f, ingot_error *err);
ingot_status ig_read_meta(ig_ingot *f, ingot_error *err);
ingot_status ig_read_golden(ig_ingot *f, ingot_error *err);

#endif
