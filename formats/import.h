/* import.h - what an importer of a model format is: one folder, one ig_importer, one line in
 * importers.def. */
#ifndef IG_IMPORT_H
#define IG_IMPORT_H

#include "formats/ingot/ingot_file.h"
#include "formats/llm/weights.h"
#include "runtime/base/log.h"

/* What an importer is given. */
typedef struct {
    const char *path;  /* a file, or a folder */
    bool is_folder;    /* then bytes is NULL */
    const void *bytes; /* the file, mapped; outlives the import */
    size_t n_bytes;
    ig_heap *heap;
    const ig_log *log;       /* may be NULL */
    ig_weight_target target; /* what becomes of weights; language models only */
    bool round_f8;           /* ig_weights */
} ig_source;

enum { IG_IMPORT_META = 48 };

/* What it makes. The graph is opened by the importer (it may be without nodes: a file that holds
 * only a tokenizer) and owns the arena in which all else lies. */
typedef struct {
    ig_graph *graph;
    ig_meta_entry meta[IG_IMPORT_META];
    size_t n_meta;
    ig_bytes tokenizer; /* the bytes of a TOKENIZER section, or empty; closed by the caller */
    ingot_str template; /* the text of a TEMPLATE section, in the graph's arena, or empty */
    bool finished;      /* the graph is in its final form: no pass runs */
} ig_import;

typedef struct {
    const char *name; /* as --from knows it */
    /* is - is this source of that format? Looks at its first bytes, or at the names in a folder. */
    bool (*is)(const ig_source *src);
    /* read - errors: E_FORMAT, E_UNSUPPORTED (all of what is not supported, at once), E_NOMEM,
     * E_IO.
     */
    ingot_status (*read)(ig_import *out, const ig_source *src, ingot_error *err);
} ig_importer;

extern const ig_importer *const ig_importers[]; /* NULL-terminated */

/* Entries for META, for importers; a NULL or empty text is left out. */
void ig_import_text(ig_import *im, const char *key, const char *text);
void ig_import_int(ig_import *im, const char *key, int64_t v);
void ig_import_real(ig_import *im, const char *key, double v);

#endif
