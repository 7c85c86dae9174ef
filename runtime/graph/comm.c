/* comm.c - a communicator among threads; see comm.h.
 *
 * A sum is a reduce-scatter and an all-gather over the callers' own buffers: rank r adds the r-th
 * slice of every buffer, in the order of ranks, into its own, then all copy the finished slices. No
 * buffer of its own, 2 (n_ranks - 1) / n_ranks of the bytes read by every rank. */
#include "runtime/graph/comm.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct {
    ig_comm comm;
    ig_team_comm *team;
    _Alignas(64) const float *buffer; /* what the others read, between two meetings */
} end;

struct ig_team_comm {
    ig_heap *heap;
    size_t n_ranks;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t arrived;
    atomic_uint_fast64_t round;
    atomic_bool left;
    end *ends;
};

enum { SPINS = 2000 }; /* about 2 us: a meeting of ranks that compute the same is short */

/* All have arrived; what they wrote before is seen by all. false: somebody left. */
static bool meet(ig_team_comm *t)
{
    pthread_mutex_lock(&t->mutex);
    const uint_fast64_t round = atomic_load(&t->round);
    if (!atomic_load(&t->left) && ++t->arrived == t->n_ranks) {
        t->arrived = 0;
        atomic_store(&t->round, round + 1);
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->mutex);
    for (int i = 0; i < SPINS && atomic_load(&t->round) == round && !atomic_load(&t->left); i++) {
    }
    if (atomic_load(&t->round) != round) return true;
    pthread_mutex_lock(&t->mutex);
    while (atomic_load(&t->round) == round && !atomic_load(&t->left))
        pthread_cond_wait(&t->changed, &t->mutex);
    const bool met = atomic_load(&t->round) != round;
    pthread_mutex_unlock(&t->mutex);
    return met;
}

static ingot_status gone(ingot_error *err)
{
    return ig_fail(err, INGOT_E_CANCELLED, "another rank ended before this one");
}

static void add(float *to, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += v[i];
}

static ingot_status sum(ig_comm *c, float *v, size_t n, ingot_error *err)
{
    ig_team_comm *t = ((end *)c)->team;
    const size_t ranks = t->n_ranks;
    t->ends[c->rank].buffer = v;
    if (!meet(t)) return gone(err);
    const size_t begin = n / ranks * c->rank + IG_MIN(c->rank, n % ranks);
    const size_t mine = n / ranks + (c->rank < n % ranks);
    enum { PIECE = 1024 };
    float total[PIECE];
    for (size_t at = 0; at < mine; at += PIECE) {
        const size_t now = IG_MIN((size_t)PIECE, mine - at);
        memcpy(total, t->ends[0].buffer + begin + at, now * sizeof *total);
        for (size_t r = 1; r < ranks; r++) add(total, t->ends[r].buffer + begin + at, now);
        memcpy(v + begin + at, total, now * sizeof *total);
    }
    if (!meet(t)) return gone(err);
    for (size_t r = 0, from = 0; r < ranks; r++) {
        const size_t count = n / ranks + (r < n % ranks);
        if (r != c->rank && count) memcpy(v + from, t->ends[r].buffer + from, count * sizeof *v);
        from += count;
    }
    return meet(t) ? INGOT_OK : gone(err);
}

static ingot_status gather(ig_comm *c, float *all, const float *part, size_t rows,
                           const int64_t *first, ingot_error *err)
{
    ig_team_comm *t = ((end *)c)->team;
    t->ends[c->rank].buffer = part;
    if (!meet(t)) return gone(err);
    const size_t columns = (size_t)first[t->n_ranks];
    for (size_t r = 0; r < t->n_ranks; r++) {
        const size_t begin = (size_t)first[r], n = (size_t)first[r + 1] - begin;
        for (size_t i = 0; n && i < rows; i++)
            memcpy(all + i * columns + begin, t->ends[r].buffer + i * n, n * sizeof *all);
    }
    return meet(t) ? INGOT_OK : gone(err);
}

static void leave(ig_comm *c)
{
    ig_team_comm *t = ((end *)c)->team;
    pthread_mutex_lock(&t->mutex);
    atomic_store(&t->left, true);
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->mutex);
}

ingot_status ig_team_comm_open(ig_team_comm **out, ig_heap *heap, size_t n_ranks, ingot_error *err)
{
    *out = NULL;
    if (n_ranks < 1 || n_ranks > IG_COMM_RANKS)
        return ig_fail(err, INGOT_E_ARG, "%zu ranks: from 1 to %d can work together", n_ranks,
                       IG_COMM_RANKS);
    ig_team_comm *t = ig_take0(heap, sizeof *t);
    if (t) t->ends = ig_take0(heap, n_ranks * sizeof *t->ends);
    if (!t || !t->ends) {
        ig_give(heap, t, sizeof *t);
        return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu ranks", n_ranks);
    }
    t->heap = heap;
    t->n_ranks = n_ranks;
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
    for (size_t r = 0; r < n_ranks; r++)
        t->ends[r] = (end){.comm = {r, n_ranks, sum, gather, leave}, .team = t};
    *out = t;
    return INGOT_OK;
}

void ig_team_comm_close(ig_team_comm **team)
{
    ig_team_comm *t = *team;
    *team = NULL;
    if (!t) return;
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    ig_give(t->heap, t->ends, t->n_ranks * sizeof *t->ends);
    ig_give(t->heap, t, sizeof *t);
}

ig_comm *ig_team_comm_end(ig_team_comm *team, size_t rank) { return &team->ends[rank].comm; }

void ig_team_comm_join(ig_team_comm *team)
{
    team->arrived = 0;
    atomic_store(&team->left, false);
}
