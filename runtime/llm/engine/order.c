/* order.c - who goes first: priority, fairness across tenants, arrival.
 *
 * Each tenant has a counter of tokens that were computed for it. Of equal priorities the tenant
 * with the smaller counter goes first (virtual token counter, Sheng et al. 2024, "Fairness in
 * Serving Large Language Models"). One that comes back after a pause starts at the least counter of
 * those that are there: having been away earns nothing. */
#include "runtime/llm/engine/parts.h"
#include "runtime/base/checked.h"

enum {
    TENANTS_IDLE_MOST = 1024
}; /* remembered without requests; then the counters are forgotten */

static uint64_t least_served(const ig_engine *e)
{
    uint64_t least = UINT64_MAX;
    for (const ig_tenant *t = e->tenants; t; t = t->next)
        if (t->n_jobs) least = IG_MIN(least, t->served);
    return least == UINT64_MAX ? 0 : least;
}

static void forget_idle(ig_engine *e)
{
    size_t idle = 0;
    for (const ig_tenant *t = e->tenants; t; t = t->next) idle += !t->n_jobs;
    if (idle <= TENANTS_IDLE_MOST) return;
    for (ig_tenant **at = &e->tenants; *at;) {
        ig_tenant *t = *at;
        if (t->n_jobs) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        ig_give(e->heap, t, sizeof *t);
    }
}

ig_tenant *ig_tenant_join(ig_engine *e, uint64_t salt)
{
    ig_tenant *t = e->tenants;
    while (t && t->salt != salt) t = t->next;
    if (!t) {
        forget_idle(e);
        t = ig_take0(e->heap, sizeof *t);
        if (!t) return NULL;
        t->salt = salt;
        t->next = e->tenants;
        e->tenants = t;
    }
    if (!t->n_jobs) t->served = IG_MAX(t->served, least_served(e));
    t->n_jobs++;
    return t;
}

void ig_tenant_leave(ig_engine *e, ig_tenant *t)
{
    (void)e;
    t->n_jobs--;
}

void ig_tenants_clear(ig_engine *e)
{
    while (e->tenants) {
        ig_tenant *t = e->tenants;
        e->tenants = t->next;
        ig_give(e->heap, t, sizeof *t);
    }
}

bool ig_lm_job_before(const ig_lm_job *a, const ig_lm_job *b)
{
    if (a->priority != b->priority) return a->priority > b->priority;
    if (a->tenant->served != b->tenant->served) return a->tenant->served < b->tenant->served;
    return a->arrival < b->arrival;
}

ig_lm_job *ig_lm_jobs_first(const ig_lm_jobs *q)
{
    ig_lm_job *first = q->first;
    for (ig_lm_job *j = q->first; j; j = j->next)
        if (ig_lm_job_before(j, first)) first = j;
    return first;
}

ig_lm_job *ig_lm_jobs_last(const ig_lm_jobs *q)
{
    ig_lm_job *last = q->first;
    for (ig_lm_job *j = q->first; j; j = j->next)
        if (ig_lm_job_before(last, j)) last = j;
    return last;
}

/* ---- lists ---- */

void ig_lm_jobs_init(ig_lm_jobs *q) { *q = (ig_lm_jobs){.last = &q->first}; }

void ig_lm_jobs_push(ig_lm_jobs *q, ig_lm_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
    q->n++;
}

void ig_lm_jobs_drop(ig_lm_jobs *q, ig_lm_job *job)
{
    ig_lm_job **at = &q->first;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    if (q->last == &job->next) q->last = at;
    q->n--;
}
