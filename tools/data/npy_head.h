/* npy_head.h - the header of NumPy's .npy: magic, version, and a Python dict as text.
 *
 *   \x93NUMPY  major minor  length (u16 in version 1, u32 in 2 and 3)
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   padded with spaces, \n
 */
#ifndef IG_NPY_HEAD_H
#define IG_NPY_HEAD_H

#include "tools/data/stream.h"

typedef struct {
    ingot_dtype dtype; /* the type that elements become: strings are INGOT_STR */
    char kind;         /* NumPy's letter: b i u f c U S */
    size_t item_bytes; /* of an element in the file */
    size_t swap_bytes; /* reverse groups of so many bytes; 0: the order is ours */
    bool fortran;      /* the first index runs fastest */
    int rank;
    int64_t dims[INGOT_MAX_RANK];
    size_t count;     /* elements */
    size_t raw_bytes; /* count * item_bytes; what must follow the header */
} ig_npy_head;

/* ig_npy_head_read - read and check a header; the source is left at the first element. Errors:
 * E_DATA (malformed; a type that is not plain numbers or strings; fewer bytes follow than the shape
 * needs), E_NOMEM. */
ingot_status ig_npy_head_read(ig_npy_head *head, ig_source *from, ingot_error *err);

enum { IG_NPY_HEAD_ROOM = 448 };

/* ig_npy_head_text - a version 1 header for elements of a NumPy-native type in C order. chars: code
 * points of an element, for strings. Returns its length, a multiple of 64. */
size_t ig_npy_head_text(char text[IG_NPY_HEAD_ROOM], ingot_dtype dtype, size_t chars, int rank,
                        const int64_t *dims);

#endif
