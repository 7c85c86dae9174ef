/* team.h - the ranks that compute a batch together: each has its share of the graph (shard.h), an
 * executor, threads of its own, and its heads of the pages.
 *
 * One rank is the caller of ig_team_run and the whole graph. With more, rank 0 is still the caller;
 * the others are threads that wait for the next run. Ranks are devices of the site, one each, or
 * threads of this machine. The cache is one: pages hold all key heads; a rank has its own in each
 * (site.h). Results differ from one rank's by the order of sums alone, and
 * are the same for every batch, neighbour and number of threads. */
#ifndef IG_LLM_TEAM_H
#define IG_LLM_TEAM_H

#include "runtime/llm/engine/site.h"
#include "runtime/llm/kv/kv_cache.h"

typedef struct ig_team ig_team;

/* ig_team_open - g, cache and site outlive it; on several devices n_ranks is
 * their number. options->pool is divided: a rank gets as many threads as
 * it has, divided by the ranks, at least one. Errors: E_ARG (ranks), E_UNSUPPORTED (the graph
 * cannot be shared so, see ig_shard), E_NOMEM, E_FULL (no more threads). */
ingot_status ig_team_open(ig_team **out, const ig_graph *g, const ig_kv_cache *cache, ig_site *site,
                          const ig_exec_options *options, size_t n_ranks, ingot_error *err);
void ig_team_close(ig_team **team); /* *team may be NULL */

/* ig_team_check - plan for inputs like these; every node that touches pages must lie on the
 * options' device. Errors: E_UNSUPPORTED (one does not: says which and why), the executor's. */
ingot_status ig_team_check(ig_team *team, const ig_tensor *in, ingot_error *err);

/* ig_team_run - as ig_exec_run with the spans of a step; the results are rank 0's. What a device
 * made is left there: out->data is NULL, ig_team_output_there says where it is, in order with the
 * stream of the site's first device, and the run may be under way until ig_team_wait. Errors: the
 * first rank's that failed. */
ingot_status ig_team_run(ig_team *team, ig_tensor *out, const ig_tensor *in,
                         const ig_kv_span *spans, size_t n_spans, ingot_error *err);
ingot_status ig_team_wait(ig_team *team, ingot_error *err);
const void *ig_team_output_there(const ig_team *team); /* NULL: it is on the host */

#endif
