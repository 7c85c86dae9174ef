/* team.c - see team.h. */
#include "runtime/llm/engine/team.h"
#include "runtime/graph/comm.h"
#include "runtime/graph/shard.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <string.h>

enum { INS = 3 };

typedef struct {
    ig_team *team;
    size_t at;
    ig_graph *share; /* NULL: the whole graph is run */
    ig_pool *pool;   /* its own, or NULL */
    ig_exec *exec;
    ig_comm *comm;       /* its end, or NULL */
    ig_kv_layer *layers; /* its heads, or NULL: the cache's */
    ig_kv_step step;
    ig_tensor out;
    ingot_status status;
    ingot_error err;
    pthread_t thread;
    bool has_thread;
} rank;

struct ig_team {
    ig_heap *heap;
    const ig_graph *g;
    size_t n, n_layers;
    rank *ranks;
    ig_team_comm *comm;
    const ig_tensor *in; /* of the present run */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t runs, working;    /* guarded by mutex */
    atomic_size_t first_bad; /* of the present run's ranks; SIZE_MAX: none has failed */
    bool quit;
};

/* ---- a rank's run ---- */

static void run_rank(ig_team *t, rank *r)
{
    memset(&r->out, 0, sizeof r->out);
    ig_exec_kv(r->exec, &r->step);
    r->status = ig_exec_run(r->exec, &r->out, t->in, &r->err);
    if (!r->status && t->n > 1) r->status = ig_exec_wait(r->exec, &r->err); /* others wait for it */
    ig_exec_kv(r->exec, NULL);
    size_t nobody = SIZE_MAX;
    if (r->status) atomic_compare_exchange_strong(&t->first_bad, &nobody, r->at);
    if (r->status && r->comm) r->comm->leave(r->comm);
}

static void *serve(void *arg)
{
    rank *r = arg;
    ig_team *t = r->team;
    size_t done = 0;
    pthread_mutex_lock(&t->mutex);
    for (;;) {
        while (!t->quit && t->runs == done) pthread_cond_wait(&t->changed, &t->mutex);
        if (t->quit) break;
        done = t->runs;
        pthread_mutex_unlock(&t->mutex);
        run_rank(t, r);
        pthread_mutex_lock(&t->mutex);
        if (!--t->working) pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

static void begin(ig_team *t)
{
    pthread_mutex_lock(&t->mutex);
    t->runs++;
    t->working = t->n - 1;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->mutex);
}

static void wait_for_others(ig_team *t)
{
    pthread_mutex_lock(&t->mutex);
    while (t->working) pthread_cond_wait(&t->changed, &t->mutex);
    pthread_mutex_unlock(&t->mutex);
}

/* Who was first to fail made the others end. */
static ingot_status outcome(ig_team *t, ingot_error *err)
{
    const size_t first = atomic_load(&t->first_bad);
    if (first == SIZE_MAX) return INGOT_OK;
    const rank *bad = &t->ranks[first];
    if (t->comm) ig_team_comm_join(t->comm);
    if (err) *err = bad->err;
    return bad->status;
}

ingot_status ig_team_run(ig_team *t, ig_tensor *out, const ig_tensor *in, const ig_kv_span *spans,
                         size_t n_spans, ingot_error *err)
{
    t->in = in;
    atomic_store(&t->first_bad, SIZE_MAX);
    for (size_t i = 0; i < t->n; i++) {
        t->ranks[i].step.spans = spans;
        t->ranks[i].step.n_spans = n_spans;
    }
    if (t->n > 1) begin(t);
    run_rank(t, &t->ranks[0]);
    if (t->n > 1) wait_for_others(t);
    *out = t->ranks[0].out;
    return outcome(t, err);
}

ingot_status ig_team_wait(ig_team *t, ingot_error *err)
{
    return ig_exec_wait(t->ranks[0].exec, err);
}

const void *ig_team_output_there(const ig_team *t)
{
    return ig_exec_output_there(t->ranks[0].exec, 0);
}

/* ---- what a device computes ---- */

static void look_for_pages(void *ud, const ig_step_trace *step)
{
    ig_step_trace *bad = ud;
    const bool pages = !strcmp(step->node->op->name, "paged_attention");
    if (step->why && pages && !bad->node) *bad = *step;
}

ingot_status ig_team_check(ig_team *t, const ig_tensor *in, ingot_error *err)
{
    ig_step_trace bad = {0};
    ig_type types[INS];
    ig_plan_info info;
    for (size_t i = 0; i < INS; i++) types[i] = ig_type_of(&in[i]);
    for (size_t i = 0; i < t->n; i++) {
        IG_TRY(ig_exec_plan(t->ranks[i].exec, types, &info, err));
        ig_exec_steps(t->ranks[i].exec, look_for_pages, &bad);
    }
    return bad.node ? ig_node_fail(err, INGOT_E_UNSUPPORTED, bad.node,
                                   "the device does not compute it: %s", bad.why)
                    : INGOT_OK;
}

/* ---- opening ---- */

static ingot_status share_pages(ig_team *t, rank *r, ig_site *site, ingot_error *err)
{
    const ig_kv_step whole = r->step;
    r->layers = ig_take0(t->heap, t->n_layers * sizeof *r->layers);
    if (!r->layers) return ig_fail(err, INGOT_E_NOMEM, "ranks: no memory");
    ig_site_step(site, &r->step, r->layers, &whole, r->at, t->n);
    return INGOT_OK;
}

/* What a rank of several has for itself. */
static ingot_status set_apart(ig_team *t, rank *r, ig_site *site, ig_exec_options *o,
                              ingot_error *err)
{
    const size_t threads = ig_pool_threads(o->pool) / t->n;
    const bool device = site->n > 1;
    IG_TRY(ig_shard(&r->share, t->g, t->heap, r->at, t->n, err));
    IG_TRY(share_pages(t, r, site, err));
    IG_TRY(ig_pool_open(&r->pool, t->heap,
                        &(ig_pool_options){.n_threads = IG_MAX(threads, (size_t)1)}, err));
    r->comm = device ? site->parts[r->at].comm : ig_team_comm_end(t->comm, r->at);
    o->pool = r->pool;
    o->comm = r->comm;
    if (device) {
        o->device = site->parts[r->at].device;
        o->cancel = NULL; /* the others' work is under way: a step is made to its end */
    }
    return INGOT_OK;
}

static ingot_status open_rank(ig_team *t, rank *r, const ig_kv_cache *cache, ig_site *site,
                              const ig_exec_options *options, ingot_error *err)
{
    ig_exec_options o = *options;
    o.leave = true;
    ig_kv_step_init(&r->step, cache);
    t->n_layers = r->step.n_layers;
    if (site->n == 1) o.device = site->parts[0].device;
    if (t->n > 1) IG_TRY(set_apart(t, r, site, &o, err));
    IG_TRY(ig_exec_open(&r->exec, r->share ? r->share : t->g, &o, err));
    if (!r->at) return INGOT_OK;
    if (pthread_create(&r->thread, NULL, serve, r))
        return ig_fail(err, INGOT_E_FULL, "no thread could be started for rank %zu", r->at);
    r->has_thread = true;
    return INGOT_OK;
}

ingot_status ig_team_open(ig_team **out, const ig_graph *g, const ig_kv_cache *cache, ig_site *site,
                          const ig_exec_options *options, size_t n_ranks, ingot_error *err)
{
    *out = NULL;
    ig_team *t = ig_take0(options->heap, sizeof *t);
    if (!t) return ig_fail(err, INGOT_E_NOMEM, "ranks: no memory");
    t->heap = options->heap;
    t->g = g;
    t->n = IG_MAX(n_ranks, (size_t)1);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
    ingot_status s = INGOT_OK;
    if (t->n > 1 && site->n <= 1) s = ig_team_comm_open(&t->comm, t->heap, t->n, err);
    if (!s && !(t->ranks = ig_take0(t->heap, t->n * sizeof *t->ranks)))
        s = ig_fail(err, INGOT_E_NOMEM, "ranks: no memory");
    for (size_t i = 0; !s && i < t->n; i++) {
        t->ranks[i] = (rank){.team = t, .at = i};
        s = open_rank(t, &t->ranks[i], cache, site, options, err);
    }
    if (s) ig_team_close(&t);
    *out = t;
    return s;
}

static void close_rank(ig_team *t, rank *r)
{
    if (r->has_thread) pthread_join(r->thread, NULL);
    ig_exec_close(&r->exec);
    ig_pool_close(&r->pool);
    ig_graph_close(&r->share);
    ig_give(t->heap, r->layers, r->layers ? t->n_layers * sizeof *r->layers : 0);
}

void ig_team_close(ig_team **team)
{
    ig_team *t = *team;
    *team = NULL;
    if (!t) return;
    pthread_mutex_lock(&t->mutex);
    t->quit = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    for (size_t i = 0; t->ranks && i < t->n; i++) close_rank(t, &t->ranks[i]);
    ig_give(t->heap, t->ranks, t->ranks ? t->n * sizeof *t->ranks : 0);
    ig_team_comm_close(&t->comm);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    ig_give(t->heap, t, sizeof *t);
}
