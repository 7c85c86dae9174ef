/* json.c - see json.h. */
#include "tools/cli/json.h"
#include "runtime/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ig_json_init(ig_json *j, FILE *to, int indent) { *j = (ig_json){.to = to, .indent = indent}; }

static void new_line(ig_json *j)
{
    if (j->indent) fprintf(j->to, "\n%*s", j->indent * j->depth, "");
}

static void quote(ig_json *j, const char *s, size_t n)
{
    fputc('"', j->to);
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp;
        len = ig_utf8_next(&cp, s + i, n - i);
        if (!len) {
            fputs("\\ufffd", j->to);
            len = 1;
        } else if (cp == '"' || cp == '\\') {
            fprintf(j->to, "\\%c", (int)cp);
        } else if (cp == '\n') {
            fputs("\\n", j->to);
        } else if (cp == '\t') {
            fputs("\\t", j->to);
        } else if (cp < 0x20 || cp == 0x7f) {
            fprintf(j->to, "\\u%04x", (unsigned)cp);
        } else {
            fwrite(s + i, 1, len, j->to);
        }
    }
    fputc('"', j->to);
}

/* What stands before a value: the comma of the one before it, the line, the key. */
static void begin(ig_json *j, const char *key)
{
    if (!j->depth) return;
    const int level = j->depth - 1;
    assert(j->is_array[level] == !key);
    if (j->has_items[level]) fputs(j->indent ? "," : ", ", j->to);
    j->has_items[level] = true;
    new_line(j);
    if (!key) return;
    quote(j, key, strlen(key));
    fputs(": ", j->to);
}

static void open_level(ig_json *j, const char *key, bool is_array)
{
    begin(j, key);
    assert(j->depth < IG_JSON_DEPTH);
    fputc(is_array ? '[' : '{', j->to);
    j->is_array[j->depth] = is_array;
    j->has_items[j->depth++] = false;
}

void ig_json_object(ig_json *j, const char *key) { open_level(j, key, false); }
void ig_json_array(ig_json *j, const char *key) { open_level(j, key, true); }

void ig_json_end(ig_json *j)
{
    assert(j->depth > 0);
    j->depth--;
    if (j->has_items[j->depth]) new_line(j);
    fputc(j->is_array[j->depth] ? ']' : '}', j->to);
}

void ig_json_text_n(ig_json *j, const char *key, const char *text, size_t n)
{
    begin(j, key);
    quote(j, text, n);
}

void ig_json_text(ig_json *j, const char *key, const char *text)
{
    if (text)
        ig_json_text_n(j, key, text, strlen(text));
    else
        ig_json_null(j, key);
}

void ig_json_int(ig_json *j, const char *key, int64_t v)
{
    begin(j, key);
    fprintf(j->to, "%" PRId64, v);
}

void ig_json_uint(ig_json *j, const char *key, uint64_t v)
{
    begin(j, key);
    fprintf(j->to, "%" PRIu64, v);
}

void ig_json_f64(ig_json *j, const char *key, double v)
{
    char text[40];
    if (!isfinite(v)) {
        ig_json_null(j, key);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    begin(j, key);
    fputs(text, j->to);
}

void ig_json_f32(ig_json *j, const char *key, float v)
{
    char text[40];
    if (!isfinite(v)) {
        ig_json_null(j, key);
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    begin(j, key);
    fputs(text, j->to);
}

void ig_json_bool(ig_json *j, const char *key, bool v)
{
    begin(j, key);
    fputs(v ? "true" : "false", j->to);
}

void ig_json_null(ig_json *j, const char *key)
{
    begin(j, key);
    fputs("null", j->to);
}

ingot_status ig_json_finish(ig_json *j, ingot_error *err)
{
    assert(j->depth == 0);
    fputc('\n', j->to);
    if (fflush(j->to) || ferror(j->to))
        return ig_fail(err, INGOT_E_IO, "writing JSON: %s", strerror(errno));
    return INGOT_OK;
}
