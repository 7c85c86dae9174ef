/* file.h - reading a file as memory, and writing one that is whole or not there.
 *
 * Reading: a regular file is mapped read-only; its identity is kept so that a change can be seen.
 * Writing: bytes go to a temporary file beside the target, which becomes the target by one rename
 * after all is on the disk. A failure, an abort or a signal leaves the old target and no rubbish.
 */
#ifndef IG_FILE_H
#define IG_FILE_H

#include "runtime/base/alloc.h"

/* ---- reading ---- */

typedef struct {
    const unsigned char *data; /* never NULL when open */
    size_t size;               /* > 0 */
    atomic_bool bad;           /* set by a fault guard: pages could not be read (fault.h) */
    char *path;
    ig_heap *heap;
    uint64_t device, inode;
    int64_t mtime_s, mtime_ns;
} ig_map;

/* ig_map_open - map a whole regular file. Errors, all with the path: E_IO (missing, a folder, not a
 * regular file, no permission), E_FORMAT (empty), E_NOMEM. On failure map is closed. */
ingot_status ig_map_open(ig_map *map, ig_heap *heap, const char *path, ingot_error *err);

/* ig_map_close - map may be closed or all zero. */
void ig_map_close(ig_map *map);

typedef enum {
    IG_FILE_SAME = 0,
    IG_FILE_REMOVED,  /* the map stays whole */
    IG_FILE_REPLACED, /* another file has the name; the map stays whole */
    IG_FILE_RESIZED,  /* reading past the new end faults */
    IG_FILE_MODIFIED,
} ig_file_change;

/* ig_file_changed - what became of the file since it was mapped: one stat call. */
ig_file_change ig_file_changed(const ig_map *map);
const char *ig_file_change_text(ig_file_change change);

/* ---- writing ---- */

typedef struct {
    int fd; /* -1: not open */
    size_t slot;
    char *target;
    ig_heap *heap;
    unsigned char *buffer;
    size_t used;       /* bytes in buffer */
    uint64_t position; /* bytes given to ig_writer_put so far */
} ig_writer;

/* ig_writer_open - start writing what will become `path`. A symbolic link is followed to the file
 * behind it. Errors: E_IO (the target exists and is not a regular file, its folder is missing or
 * not writable), E_FULL (32 writers are open), E_NOMEM. On failure the writer is closed. */
ingot_status ig_writer_open(ig_writer *w, ig_heap *heap, const char *path, ingot_error *err);

/* ig_writer_put - append n bytes; ig_writer_pad - append zeros up to a multiple of `to`;
 * ig_writer_patch - overwrite bytes already put. An error (E_IO: the disk is full, a size limit is
 * reached) closes the writer and removes the temporary file. */
ingot_status ig_writer_put(ig_writer *w, const void *data, size_t n, ingot_error *err);
ingot_status ig_writer_pad(ig_writer *w, size_t to, ingot_error *err);
ingot_status ig_writer_patch(ig_writer *w, uint64_t offset, const void *data, size_t n,
                             ingot_error *err);

/* ig_writer_commit - bring everything to the disk and give it the target's name; closes the
 * writer, whether it succeeds or not. The target keeps its permissions if it existed. */
ingot_status ig_writer_commit(ig_writer *w, ingot_error *err);

/* ig_writer_abort - give up: close and remove the temporary file. May be closed already. */
void ig_writer_abort(ig_writer *w);

/* ig_writer_unlink_all - remove the temporary files of this process. For a handler of SIGINT that
 * then ends the process: async-signal-safe. */
void ig_writer_unlink_all(void);

#endif
