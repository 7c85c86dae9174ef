/* ingot.h - the public interface of Ingot, an inference runtime.
 *
 * Every call that can fail returns an ingot_status and fills the caller's ingot_error (which may be
 * NULL). Outputs come first, the error last. Handles are opaque; option structs begin with
 * `size_t size` (set it to sizeof the struct) and all-zero fields mean the defaults. */
#ifndef INGOT_H
#define INGOT_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#    define INGOT_API       __attribute__((visibility("default")))
#    define INGOT_MUST_USE  __attribute__((warn_unused_result))
#    define INGOT_PRINTF(f) __attribute__((format(printf, f, f + 1)))
#else
#    define INGOT_API
#    define INGOT_MUST_USE
#    define INGOT_PRINTF(f)
#endif

/* ---- status and error ---------------------------------------------------------------------- */

#define INGOT_STATUS_MAP(X)                   \
    X(OK, 0, "success")                       \
    X(E_ARG, -1, "invalid argument")          \
    X(E_NOMEM, -2, "out of memory")           \
    X(E_IO, -3, "input or output failed")     \
    X(E_FORMAT, -4, "malformed model file")   \
    X(E_UNSUPPORTED, -5, "unsupported model") \
    X(E_DATA, -6, "invalid input data")       \
    X(E_FULL, -7, "a limit is reached")       \
    X(E_CANCELLED, -8, "cancelled")           \
    X(E_DEVICE, -9, "device unavailable")     \
    X(E_INTERNAL, -10, "internal error")

typedef enum {
#define X(name, code, text) INGOT_##name = code,
    INGOT_STATUS_MAP(X)
#undef X
} ingot_status;

typedef struct {
    ingot_status status;
    const char *file; /* where in Ingot, for bug reports */
    int line;
    char text[488]; /* what, where, how to mend; always terminated */
} ingot_error;

/* ingot_status_text - a short English text for a status; never NULL. */
INGOT_API const char *ingot_status_text(ingot_status status);

/* ingot_version - "MAJOR.MINOR.PATCH" of the library that is running. */
INGOT_API const char *ingot_version(void);

/* ---- element types ------------------------------------------------------------------------- */

/* X(name, code, bytes of an element in memory). The codes are stored in files and never change.
 * 4-bit and 2-bit elements take a byte each in memory, widened; strings are ingot_str. */
#define INGOT_DTYPE_MAP(X) \
    X(F32, 1, 4)           \
    X(F64, 2, 8)           \
    X(F16, 3, 2)           \
    X(BF16, 4, 2)          \
    X(I8, 5, 1)            \
    X(I16, 6, 2)           \
    X(I32, 7, 4)           \
    X(I64, 8, 8)           \
    X(U8, 9, 1)            \
    X(U16, 10, 2)          \
    X(U32, 11, 4)          \
    X(U64, 12, 8)          \
    X(BOOL, 13, 1)         \
    X(STR, 14, 16)         \
    X(C64, 15, 8)          \
    X(C128, 16, 16)        \
    X(F8E4M3FN, 17, 1)     \
    X(F8E4M3FNUZ, 18, 1)   \
    X(F8E5M2, 19, 1)       \
    X(F8E5M2FNUZ, 20, 1)   \
    X(F8E8M0, 21, 1)       \
    X(F4E2M1, 22, 1)       \
    X(I4, 23, 1)           \
    X(U4, 24, 1)           \
    X(I2, 25, 1)           \
    X(U2, 26, 1)

typedef enum {
    INGOT_NONE = 0,
#define X(name, code, bytes) INGOT_##name = code,
    INGOT_DTYPE_MAP(X)
#undef X
} ingot_dtype;

/* An element of a string tensor: n bytes of UTF-8 at p, not terminated, borrowed. */
typedef struct {
    const char *p;
    size_t n;
} ingot_str;

enum { INGOT_MAX_RANK = 8 };

/* ---- allocator ----------------------------------------------------------------------------- */

/* All memory of a runtime comes from one function: p == NULL allocates `now` bytes, now == 0 frees,
 * else p is resized from `old` to `now` bytes. Returns 64-byte aligned memory or NULL. Thread-safe.
 */
typedef struct {
    void *(*fn)(void *ud, void *p, size_t old, size_t now);
    void *ud;
} ingot_alloc;

#ifdef __cplusplus
}
#endif
#endif
