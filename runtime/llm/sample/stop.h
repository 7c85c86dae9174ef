/* stop.h - stop strings in text that comes piece by piece.
 *
 * One automaton for all strings (Aho & Corasick 1975). Its state is the longest end of the text
 * that begins a stop string, so what has to be held back is known from the state alone, and nothing
 * else is: where the state has depth d, the last d bytes wait, all before them is out. A string
 * that ends first stops the text; of those that end together, the one that began first. Text and
 * stop strings are UTF-8, so what is let out never ends within a character. */
#ifndef IG_LLM_STOP_H
#define IG_LLM_STOP_H

#include "runtime/base/bytes.h"

enum { IG_STOPS_MOST = 256, IG_STOP_BYTES_MOST = 16384 /* of all strings together */ };

typedef struct ig_stops ig_stops; /* immutable: any threads */

typedef struct { /* of one text; all zero at its beginning; copy it to keep it */
    uint32_t node;
    bool stopped;
    uint32_t which; /* then: the string's index */
} ig_stop_state;

/* ig_stops_open - strings[n], copied. Errors: E_ARG (empty, not UTF-8, too many, too long),
 * E_NOMEM. */
ingot_status ig_stops_open(ig_stops **out, ig_heap *heap, const ingot_str *strings, size_t n,
                           ingot_error *err);
void ig_stops_close(ig_stops **s);

/* ig_stop_feed - takes text[0, n) and appends to *out what may be shown. When a stop string is
 * complete: nothing of it is shown, state->stopped is set, and what follows is ignored. Running out
 * of memory shows in out->failed. */
void ig_stop_feed(const ig_stops *s, ig_stop_state *state, const char *text, size_t n,
                  ig_bytes *out);

/* ig_stop_end - no text follows: what was held back is shown. */
void ig_stop_end(const ig_stops *s, ig_stop_state *state, ig_bytes *out);

#endif
