/* text.c - see text.h. */
#include "tools/cli/text.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Three significant digits. */
static int decimals(double v) { return v < 9.995 ? 2 : v < 99.95 ? 1 : 0; }

const char *ig_format_bytes(char *text, size_t room, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= 1023.5 && u + 1 < IG_LEN(units); u++) v /= 1024;
    if (u)
        snprintf(text, room, "%.*f %s", decimals(v), v, units[u]);
    else
        snprintf(text, room, "%" PRIu64 " B", bytes);
    return text;
}

const char *ig_format_time(char *text, size_t room, double seconds)
{
    static const struct {
        double below, scale;
        const char *unit;
    } units[] = {{999.5e-9, 1e9, "ns"}, {999.5e-6, 1e6, "us"}, {999.5e-3, 1e3, "ms"}, {60, 1, "s"}};
    for (size_t i = 0; i < IG_LEN(units); i++)
        if (seconds < units[i].below) {
            const double v = seconds * units[i].scale;
            snprintf(text, room, "%.*f %s", decimals(v), v, units[i].unit);
            return text;
        }
    const uint64_t s = (uint64_t)(seconds + 0.5);
    if (s < 3600)
        snprintf(text, room, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else
        snprintf(text, room, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
    return text;
}

const char *ig_format_count(char *text, size_t room, uint64_t n)
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    size_t used = 0;
    for (int i = 0; i < len && used + 2 < room; i++) {
        if (i && (len - i) % 3 == 0) text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = 0;
    return text;
}

const char *ig_format_rate(char *text, size_t room, double per_second, const char *unit)
{
    static const char *const scales[] = {"", "k", "M", "G", "T", "P"};
    size_t s = 0;
    for (; per_second >= 999.5 && s + 1 < IG_LEN(scales); s++) per_second /= 1000;
    snprintf(text, room, "%.*f %s%s/s", decimals(per_second), per_second, scales[s], unit);
    return text;
}

size_t ig_text_width(const char *text)
{
    const size_t n = strlen(text);
    size_t width = 0;
    for (size_t i = 0, len; i < n; i += len, width++) {
        uint32_t cp;
        len = ig_utf8_next(&cp, text + i, n - i);
        if (!len) len = 1;
    }
    return width;
}

/* ---- tables -------------------------------------------------------------------------------- */

void ig_table_init(ig_table *t, size_t n_columns, uint32_t right)
{
    *t = (ig_table){.n_columns = n_columns, .right = right};
}

void ig_table_clear(ig_table *t)
{
    for (size_t i = 0; i < t->n_cells; i++) free(t->cells[i]);
    free(t->cells);
    *t = (ig_table){0};
}

void ig_table_cell(ig_table *t, const char *format, ...)
{
    char *cell = NULL;
    if (t->failed) return;
    if (t->n_cells == t->room) {
        const size_t room = t->room ? 2 * t->room : 64;
        char **more = realloc(t->cells, room * sizeof *more);
        t->failed = !more;
        if (!more) return;
        t->cells = more;
        t->room = room;
    }
    va_list args;
    va_start(args, format);
    t->failed = vasprintf(&cell, format, args) < 0;
    va_end(args);
    if (!t->failed) t->cells[t->n_cells++] = cell;
}

ingot_status ig_table_print(const ig_table *t, FILE *to, ingot_error *err)
{
    size_t widths[32] = {0};
    if (t->failed) return ig_fail(err, INGOT_E_NOMEM, "a table of %zu cells", t->n_cells);
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t *w = &widths[i % t->n_columns % IG_LEN(widths)];
        *w = IG_MAX(*w, ig_text_width(t->cells[i]));
    }
    for (size_t i = 0; i < t->n_cells; i++) {
        const size_t c = i % t->n_columns;
        const bool last = c + 1 == t->n_columns;
        const int pad = (int)(widths[c % IG_LEN(widths)] - ig_text_width(t->cells[i]));
        if (t->right >> c & 1) fprintf(to, "%*s", pad, "");
        fputs(t->cells[i], to);
        if (!(t->right >> c & 1) && !last) fprintf(to, "%*s", pad, "");
        fputs(last ? "\n" : "  ", to);
    }
    return INGOT_OK;
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

void ig_text_wrap(FILE *to, const char *text, size_t column, size_t indent, size_t width)
{
    bool fresh = true; /* nothing on this line yet */
    while (*text) {
        if (*text == '\n' || *text == ' ') {
            if (*text++ == ' ') continue;
            fprintf(to, "\n%*s", *text == '\n' ? 0 : (int)indent, "");
            column = indent;
            fresh = true;
            continue;
        }
        char word[128];
        const size_t n = IG_MIN(strcspn(text, " \n"), sizeof word - 1);
        memcpy(word, text, n);
        word[n] = 0;
        text += n;
        const size_t w = ig_text_width(word);
        if (!fresh && column + 1 + w > width) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
            fresh = true;
        }
        fprintf(to, "%s%s", fresh ? "" : " ", word);
        column += w + !fresh;
        fresh = false;
    }
    fputc('\n', to);
}
