/* npz.h - just enough of NumPy's .npz for the examples: arrays that were stored uncompressed
 * (numpy.savez), little-endian, C order. C11 and C++17.
 *
 * A .npz is a zip of NAME.npy members; a .npy says its own shape, so the archive's directory is not
 * needed: members are walked one after the other. */
#ifndef EXAMPLES_NPZ_H
#define EXAMPLES_NPZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    void *data; /* free() it */
    int rank;
    int64_t dims[8];
    size_t count; /* elements */
} npz_array;

static unsigned npz_u16(const unsigned char *p) { return (unsigned)p[0] | (unsigned)p[1] << 8; }

/* The whole file; NULL when it cannot be read. */
static unsigned char *npz_load(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    unsigned char *bytes = NULL;
    if (!fseek(f, 0, SEEK_END)) {
        const long size = ftell(f);
        rewind(f);
        bytes = size > 0 ? (unsigned char *)malloc((size_t)size) : NULL;
        if (bytes && fread(bytes, 1, (size_t)size, f) == (size_t)size) {
            *n = (size_t)size;
        } else {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(f);
    return bytes;
}

/* The header of a .npy at p: fills rank, dims and count, returns its length; 0: not one of ours. */
static size_t npz_head(npz_array *a, const unsigned char *p, size_t n, const char *type,
                       int *matches)
{
    char text[512];
    if (n < 10 || memcmp(p, "\x93NUMPY\x01", 7) != 0) return 0;
    const size_t head = 10 + npz_u16(p + 8), length = head - 10;
    if (head > n || length >= sizeof text) return 0;
    memcpy(text, p + 10, length);
    text[length] = 0;
    const char *at = strstr(text, "'shape': (");
    *matches = strstr(text, type) != NULL && strstr(text, "False") != NULL;
    if (!at) return 0;
    char *end;
    at += strlen("'shape': (");
    for (a->rank = 0, a->count = 1; *at != ')' && a->rank < 8; at = end + strspn(end, ", ")) {
        a->dims[a->rank] = strtoll(at, &end, 10);
        if (end == at || a->dims[a->rank] < 0 || a->dims[a->rank] > 1 << 24) return 0;
        a->count *= (size_t)a->dims[a->rank++];
        if (a->count > (size_t)1 << 32) return 0;
    }
    return head;
}

/* The element size in "'<f4'", times four for text ('<U28'). */
static size_t npz_item(const unsigned char *p, size_t n)
{
    char text[128] = {0};
    if (n < 12) return 0;
    memcpy(text, p + 10, n - 10 < sizeof text - 1 ? n - 10 : sizeof text - 1);
    const char *at = strstr(text, "'descr': '");
    if (!at) return 0;
    at += strlen("'descr': '");
    return (size_t)strtoul(at + 2, NULL, 10) * (at[1] == 'U' ? 4 : 1);
}

/* npz_read - the array `name` whose elements have NumPy's type, such as "<f4"; data NULL: there is
 * none. */
static npz_array npz_read(const char *path, const char *name, const char *type)
{
    npz_array a = {NULL, 0, {0}, 0};
    size_t n = 0, at = 0;
    unsigned char *bytes = npz_load(path, &n);
    while (bytes && n - at > 30 && !memcmp(bytes + at, "PK\3\4", 4)) {
        const unsigned char *entry = bytes + at;
        const size_t name_len = npz_u16(entry + 26),
                     start = at + 30 + name_len + npz_u16(entry + 28);
        int matches = 0;
        if (npz_u16(entry + 8) != 0 || start >= n) break; /* compressed, or cut off */
        const size_t head = npz_head(&a, bytes + start, n - start, type, &matches);
        const size_t item = npz_item(bytes + start, n - start);
        if (!head || a.count * item > n - start - head) break;
        if (matches && name_len == strlen(name) + 4 && !memcmp(entry + 30, name, strlen(name))) {
            a.data = malloc(a.count * item + 1);
            if (a.data) memcpy(a.data, bytes + start + head, a.count * item);
            break;
        }
        at = start + head + a.count * item;
    }
    free(bytes);
    return a;
}

#endif
