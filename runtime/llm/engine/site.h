/* site.h - where a model computes: this machine, or devices that have its weights, its pages and
 * its steps.
 *
 * A device has one stream: steps and moves of pages are in order on it, so that a page can be moved
 * out right before a step overwrites it. Several devices are ranks that share the model (shard.h):
 * each has its heads of every page in a pool of its own, under the same number. The cache sees one
 * range of pages, which is no memory then: `move` finds the parts. What is moved to the host is a
 * whole page, the same for any number of devices. */
#ifndef IG_LLM_SITE_H
#define IG_LLM_SITE_H

#include "runtime/graph/comm.h"
#include "runtime/graph/exec.h"
#include "runtime/llm/kv/memory.h"

typedef struct {
    ig_exec_device device; /* with the stream */
    ig_comm *comm;         /* NULL: one device */
    unsigned char *pool;   /* its part of the pages, device memory */
} ig_site_part;

typedef struct {
    ig_site_part *parts; /* [n] */
    size_t n;            /* 0: this machine */
    ig_heap *heap;
    ig_kv_memory memory; /* of pages; used on devices only, points to this struct */
    ig_kv_step whole;    /* layers, base and page_bytes as the cache has them */
} ig_site;

/* ig_site_open - n == 0: this machine, which cannot fail. The site must not move while it is open.
 * Errors: the devices', E_NOMEM, E_UNSUPPORTED (several devices that cannot meet). */
ingot_status ig_site_open(ig_site *site, ig_heap *heap, const ig_exec_device *devices, size_t n,
                          ingot_error *err);
void ig_site_close(ig_site *site); /* may be all zero */

static inline bool ig_site_is_device(const ig_site *site) { return site->n > 0; }

/* ig_site_kv_room - bytes that the devices' budgets leave for pages beside a graph's constants, a
 * tenth kept for activations. SIZE_MAX on this machine. */
size_t ig_site_kv_room(const ig_site *site, const ig_graph *g);

/* ig_site_step - what a rank sees of a cache whose step is `whole`: fills step; layers [n_layers]
 * belong to the caller. The cache's memory was taken from this site, or it is this machine's. */
void ig_site_step(ig_site *site, ig_kv_step *step, ig_kv_layer *layers, const ig_kv_step *whole,
                  size_t rank, size_t n_ranks);

#endif
