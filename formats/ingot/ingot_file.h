/* ingot_file.h - reading, writing and verifying .ingot files; the specification is FORMAT.md. */
#ifndef IG_INGOT_FILE_H
#define IG_INGOT_FILE_H

#include "runtime/base/bytes.h"
#include "runtime/base/file.h"
#include "runtime/base/hash.h"
#include "runtime/graph/ir.h"

#define IG_FILE_MAGIC "\x89INGOT\r\n"
enum {
    IG_FILE_VERSION = 1,
    IG_FILE_HEADER_BYTES = 64,
    IG_FILE_ENTRY_BYTES = 40,
    IG_FILE_SECTIONS_MOST = 64,
    IG_FILE_DEPTH_MOST = 32,
};
#define IG_FOURCC(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define IG_SECTION_META      IG_FOURCC('M', 'E', 'T', 'A')
#define IG_SECTION_GRAPH     IG_FOURCC('G', 'R', 'P', 'H')
#define IG_SECTION_TENSORS   IG_FOURCC('T', 'N', 'S', 'R')
#define IG_SECTION_GOLDEN    IG_FOURCC('G', 'O', 'L', 'D')
#define IG_SECTION_TOKENIZER IG_FOURCC('T', 'O', 'K', 'N')
#define IG_SECTION_TEMPLATE  IG_FOURCC('T', 'M', 'P', 'L')
#define IG_SECTION_DATA      IG_FOURCC('D', 'A', 'T', 'A')

typedef struct {
    const char *key;
    ig_attr_kind kind; /* INT, FLOAT or TEXT */
    int64_t i;
    double f;
    const char *s;
} ig_meta_entry;

typedef struct {
    const ig_meta_entry *v;
    size_t n;
} ig_meta;

/* One run of the model that the file proves itself with. Names are those of the graph. */
typedef struct {
    const char **in_names, **out_names;
    ig_tensor *in, *out;
    size_t n_in, n_out;
} ig_golden_case;

typedef struct {
    double tolerance; /* relative to the largest magnitude of the output */
    ig_golden_case *cases;
    size_t n;
} ig_golden;

typedef struct {
    uint32_t type;
    uint64_t offset, bytes;
    ig_hash128 digest;
} ig_section;

/* ---- writing ---- */

/* What a file is made of. */
typedef struct {
    const ig_graph *graph;
    ig_meta meta;
    const ig_golden *golden;   /* or NULL */
    const ig_bytes *tokenizer; /* the bytes of the section, or NULL */
    ingot_str template;        /* of chats, Jinja's text; p NULL or empty: none */
} ig_contents;

/* ig_ingot_write - through a temporary file and a rename: the target is whole or untouched. Values
 * that nobody uses are not written. Lazy constants are made one at a time, as they are written.
 * Errors: E_IO, E_NOMEM, E_ARG (the target is not a regular file). */
ingot_status ig_ingot_write(const char *path, const ig_contents *contents, ig_heap *heap,
                            ingot_error *err);

/* ---- reading ---- */

typedef struct ig_ingot {
    ig_heap *heap;
    ig_map map; /* of the file; unused when opened from memory */
    const unsigned char *bytes;
    size_t n_bytes;
    ig_section sections[IG_FILE_SECTIONS_MOST];
    size_t n_sections;
    ig_graph *graph; /* owns the arena of meta and golden too; constants point into the bytes */
    ig_meta meta;
    ig_golden golden;
} ig_ingot;

/* ig_ingot_open - map a file, check it, build its graph. Constants stay in the map. E_IO: not
 * there, not readable; E_FORMAT: malformed (says section, offset, reason); E_UNSUPPORTED: newer, or
 * an op that this build lacks; E_NOMEM. */
ingot_status ig_ingot_open(ig_ingot **out, ig_heap *heap, const char *path, ingot_error *err);
/* ig_ingot_open_memory - the same over the caller's bytes, 64-byte aligned, which must outlive it.
 */
ingot_status ig_ingot_open_memory(ig_ingot **out, ig_heap *heap, const void *bytes, size_t n_bytes,
                                  ingot_error *err);
void ig_ingot_close(ig_ingot **file);

/* ig_ingot_tokenizer - the bytes of the TOKENIZER section, 64-byte aligned, as long as the file is
 * open; p NULL: the model has none. */
ingot_str ig_ingot_tokenizer(const ig_ingot *file);

/* ig_ingot_template - the chat template, not terminated, as long as the file is open; p NULL: none.
 */
ingot_str ig_ingot_template(const ig_ingot *file);

/* ig_ingot_check_digests - all sections, DATA too. */
ingot_status ig_ingot_check_digests(const ig_ingot *file, ingot_error *err);

/* ig_ingot_fix_digests - rewrite the digests of a damaged image in place, where its directory can
 * be read: for tests that want to reach behind the checksums. false: it cannot. */
bool ig_ingot_fix_digests(unsigned char *bytes, size_t n_bytes);

#endif
