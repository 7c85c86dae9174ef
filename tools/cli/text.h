/* text.h - numbers for people, aligned tables, wrapped paragraphs. */
#ifndef IG_TEXT_H
#define IG_TEXT_H

#include <stdio.h>
#include "runtime/base/status.h"

/* Each writes into `text` (room bytes, 32 are enough) and returns it. */
const char *ig_format_bytes(char *text, size_t room, uint64_t bytes);  /* 512 B, 1.50 KiB */
const char *ig_format_time(char *text, size_t room, double seconds);   /* 1.23 ms, 2 min 5 s */
const char *ig_format_count(char *text, size_t room, uint64_t n);      /* 1,234,567 */
const char *ig_format_rate(char *text, size_t room, double per_second, /* 12.3 GB/s: by 1000s */
                           const char *unit);

/* Columns that a text takes on a terminal: its code points (malformed bytes count one each). */
size_t ig_text_width(const char *text);

/* A table gathers cells row by row and prints them with columns as wide as their widest cell. Cells
 * are copied. A column is set right where `right` has its bit. */
typedef struct {
    size_t n_columns, n_cells, room;
    char **cells;
    uint32_t right;
    bool failed; /* memory ran out: print says so */
} ig_table;

void ig_table_init(ig_table *t, size_t n_columns, uint32_t right);
void ig_table_cell(ig_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
ingot_status ig_table_print(const ig_table *t, FILE *to, ingot_error *err);
void ig_table_clear(ig_table *t);

/* ig_text_wrap - print text in lines of at most `width` columns, each after the first one begun by
 * `indent` spaces; `column` is where the first line stands. Ends with a newline. Newlines in the
 * text are kept. */
void ig_text_wrap(FILE *to, const char *text, size_t column, size_t indent, size_t width);

#endif
