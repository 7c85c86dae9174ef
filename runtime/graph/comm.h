/* comm.h - ranks that compute one graph together: each runs its own shard (shard.h) and meets the
 * others in collective operations.
 *
 * A communicator has one end a rank. Every rank makes the same calls in the same order; a call
 * returns when all have made it. Sums are added in the order of ranks, and every rank gets the same
 * bits. Who fails says so with `leave`: the calls of all others end with E_CANCELLED, until every
 * rank has come to `join` again.
 *
 * Threads: an end belongs to the thread that runs its rank. */
#ifndef IG_COMM_H
#define IG_COMM_H

#include "runtime/base/alloc.h"

typedef struct ig_comm ig_comm;
struct ig_comm {
    size_t rank, n_ranks;
    /* v [n] becomes the sum over all ranks. */
    ingot_status (*sum)(ig_comm *c, float *v, size_t n, ingot_error *err);
    /* all [rows, columns]: every rank gives columns [first[rank], first[rank + 1]) from its part
     * [rows, of them]; first [n_ranks + 1] is the same everywhere, first[n_ranks] = columns. */
    ingot_status (*gather)(ig_comm *c, float *all, const float *part, size_t rows,
                           const int64_t *first, ingot_error *err);
    void (*leave)(ig_comm *c);
};

enum { IG_COMM_RANKS = 64 };

/* A communicator among threads of this process. */
typedef struct ig_team_comm ig_team_comm;

/* ig_team_comm_open - n_ranks ends, 1 .. IG_COMM_RANKS. Errors: E_ARG, E_NOMEM. */
ingot_status ig_team_comm_open(ig_team_comm **out, ig_heap *heap, size_t n_ranks, ingot_error *err);
void ig_team_comm_close(ig_team_comm **team); /* no call is under way; *team may be NULL */
ig_comm *ig_team_comm_end(ig_team_comm *team, size_t rank);
/* ig_team_comm_join - forget that somebody left. No call of any rank is under way. */
void ig_team_comm_join(ig_team_comm *team);

#endif
