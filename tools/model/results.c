/* results.c - see results.h. */
#include "tools/model/results.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"
#include "tools/cli/text.h"
#include "tools/data/npy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 10 };

/* ---- gathering
 * ------------------------------------------------------------------------------------ */

static size_t count_arrays(const ingot_tensor *t)
{
    size_t n = 0;
    if (!t->is_sequence) return 1;
    for (size_t i = 0; i < t->n_items; i++) n += count_arrays(&t->items[i]);
    return n;
}

static ingot_status add(ig_results *r, const ingot_tensor *t, const char *name, ig_arena *arena,
                        ingot_error *err)
{
    if (t->absent) {
        r->n_absent++;
        return INGOT_OK;
    }
    for (size_t i = 0; t->is_sequence && i < t->n_items; i++) {
        const char *item = ig_arena_printf(arena, "%s.%zu", name, i);
        if (!item) return ig_fail(err, INGOT_E_NOMEM, "outputs: no memory");
        IG_TRY(add(r, &t->items[i], item, arena, err));
    }
    if (t->is_sequence) return INGOT_OK;
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->items[i].name, name)) return INGOT_OK;
    ig_array *a = &r->items[r->n++];
    *a = (ig_array){.name = (char *)(uintptr_t)name,
                    .dtype = t->dtype,
                    .rank = t->rank,
                    .data = t->data,
                    .bytes = ingot_tensor_elements(t) * ingot_dtype_bytes(t->dtype)};
    memcpy(a->dims, t->dims, sizeof a->dims);
    return INGOT_OK;
}

ingot_status ig_results_of(ig_results *r, const ingot_tensor *out, size_t n, ig_arena *arena,
                           ingot_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += count_arrays(&out[i]);
    *r = (ig_results){.items = ig_new_n(arena, ig_array, total)};
    if (!r->items) return ig_fail(err, INGOT_E_NOMEM, "outputs: no memory");
    for (size_t i = 0; i < n; i++) IG_TRY(add(r, &out[i], out[i].name, arena, err));
    return INGOT_OK;
}

/* ---- a folder
 * ------------------------------------------------------------------------------------- */

/* Names come from a file: none may leave the folder. */
static ingot_status path_of(char *path, size_t room, const char *folder, const char *name,
                            const char *ending, ingot_error *err)
{
    const int n = snprintf(path, room, "%s/%s%s.npy", folder, name, ending);
    if (n < 0 || (size_t)n >= room)
        return ig_fail(err, INGOT_E_IO, "%.80s/%.80s: the path is too long", folder, name);
    for (char *c = path + strlen(folder) + 1; *c; c++)
        if (*c == '/') *c = '_';
    if (path[strlen(folder) + 1] == '.') path[strlen(folder) + 1] = '_';
    return INGOT_OK;
}

static ingot_status write_one(const ig_array *a, const char *folder, ig_heap *heap,
                              ingot_error *err)
{
    char path[4096];
    const char *type = ig_numpy_name(a->dtype);
    IG_TRY(path_of(path, sizeof path, folder, a->name, "", err));
    IG_TRY(ig_npy_write(path, a, heap, err));
    if (ig_numpy_carrier(a->dtype) == a->dtype) return INGOT_OK;
    ingot_str text = {type, strlen(type)};
    const ig_array told = {.dtype = INGOT_STR, .data = &text, .bytes = sizeof text};
    IG_TRY(path_of(path, sizeof path, folder, a->name, ".__dtype__", err));
    const ingot_status s = ig_npy_write(path, &told, heap, err);
    if (s && !path_of(path, sizeof path, folder, a->name, "", NULL)) unlink(path);
    return s;
}

static void remove_one(const ig_array *a, const char *folder)
{
    char path[4096];
    if (!path_of(path, sizeof path, folder, a->name, "", NULL)) unlink(path);
    if (!path_of(path, sizeof path, folder, a->name, ".__dtype__", NULL)) unlink(path);
}

ingot_status ig_results_folder(const ig_results *r, const char *folder, ig_heap *heap,
                               ingot_error *err)
{
    const bool made = !mkdir(folder, 0777);
    if (!made && errno != EEXIST)
        return ig_fail(err, INGOT_E_IO, "%s: cannot be made: %s", folder, strerror(errno));
    ingot_status s = INGOT_OK;
    size_t i = 0;
    for (; i < r->n && !(s = write_one(&r->items[i], folder, heap, err)); i++) {
    }
    while (s && i > 0) remove_one(&r->items[--i], folder);
    if (s && made) rmdir(folder);
    return s;
}

/* ---- for people
 * ------------------------------------------------------------------------------------ */

typedef struct {
    double low, high, mean;
    size_t n, n_bad, at_high; /* n_bad: NaN and infinities */
} range;

static bool has_numbers(const ig_array *a)
{
    const ig_dtype_class c = ig_dtype(a->dtype)->class_;
    return c != IG_CLASS_STR && c != IG_CLASS_COMPLEX && c != IG_CLASS_NONE;
}

static range measure(const ig_array *a)
{
    range r = {.n = a->bytes / IG_MAX(ig_dtype(a->dtype)->bytes, (size_t)1)};
    double sum = 0;
    size_t good = 0;
    for (size_t i = 0; i < r.n && has_numbers(a); i++) {
        const double v = ig_to_double(a->data, a->dtype, i);
        if (!isfinite(v)) {
            r.n_bad++;
            continue;
        }
        if (!good || v > r.high) r.high = v, r.at_high = i;
        if (!good || v < r.low) r.low = v;
        sum += v;
        good++;
    }
    r.mean = good ? sum / (double)good : 0;
    return r;
}

static void print_values(const ig_array *a, size_t n, FILE *to)
{
    fputs("  ", to);
    for (size_t i = 0; i < IG_MIN(n, (size_t)SHOWN); i++) {
        if (a->dtype == INGOT_STR) {
            const ingot_str s = ((const ingot_str *)a->data)[i];
            fprintf(to, " '%.*s'", (int)IG_MIN(s.n, (size_t)60), s.p ? s.p : "");
        } else if (has_numbers(a)) {
            fprintf(to, " %.6g", ig_to_double(a->data, a->dtype, i));
        } else if (a->dtype == INGOT_C64) {
            const float *c = (const float *)a->data + 2 * i;
            fprintf(to, " %.6g%+.6gi", (double)c[0], (double)c[1]);
        } else {
            const double *c = (const double *)a->data + 2 * i;
            fprintf(to, " %.6g%+.6gi", c[0], c[1]);
        }
    }
    fputs(n > SHOWN ? " ...\n" : "\n", to);
}

ingot_status ig_results_print(const ig_results *r, FILE *to, ingot_error *err)
{
    char shape[160];
    for (size_t i = 0; i < r->n; i++) {
        const ig_array *a = &r->items[i];
        const range s = measure(a);
        ig_format_shape(shape, sizeof shape, a->rank, a->dims);
        fprintf(to, "%s  %s %s", a->name, ingot_dtype_name(a->dtype), shape);
        if (has_numbers(a) && s.n > s.n_bad && s.n > 1)
            fprintf(to, "  from %.6g to %.6g, mean %.6g, largest at %zu", s.low, s.high, s.mean,
                    s.at_high);
        if (s.n_bad) fprintf(to, "  (%zu not finite)", s.n_bad);
        fputc('\n', to);
        if (s.n) print_values(a, s.n, to);
    }
    if (r->n_absent) fprintf(to, "%zu optional outputs are empty\n", r->n_absent);
    return ferror(to) ? ig_fail(err, INGOT_E_IO, "standard output: %s", strerror(errno)) : INGOT_OK;
}

void ig_results_json(ig_json *j, const ig_results *r)
{
    ig_json_array(j, "outputs");
    for (size_t i = 0; i < r->n; i++) {
        const ig_array *a = &r->items[i];
        const range s = measure(a);
        ig_json_object(j, NULL);
        ig_json_text(j, "name", a->name);
        ig_json_text(j, "dtype", ingot_dtype_name(a->dtype));
        ig_json_array(j, "shape");
        for (int d = 0; d < a->rank; d++) ig_json_int(j, NULL, a->dims[d]);
        ig_json_end(j);
        if (has_numbers(a) && s.n > s.n_bad) {
            ig_json_f64(j, "min", s.low);
            ig_json_f64(j, "max", s.high);
            ig_json_f64(j, "mean", s.mean);
            ig_json_uint(j, "argmax", s.at_high);
        }
        if (s.n_bad) ig_json_uint(j, "not_finite", s.n_bad);
        ig_json_end(j);
    }
    ig_json_end(j);
}
