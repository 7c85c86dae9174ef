/* scan.c - is there a mapping for every op? Before anything is imported, so that a user learns of
 * all that is missing at once. */
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

static const ig_onnx_map *const maps[] = {
#define MAP(group) ig_onnx_map_##group,
#include "formats/onnx/maps.def"
#undef MAP
};

const ig_onnx_map *onnx_map_find(const char *domain, const char *op, int64_t version)
{
    for (size_t m = 0; m < IG_LEN(maps); m++)
        for (const ig_onnx_map *row = maps[m]; row->op; row++)
            if (!strcmp(row->op, op) && !strcmp(row->domain, domain) && version >= row->since &&
                (!row->until || version <= row->until))
                return row;
    return NULL;
}

int64_t onnx_version(const onnx_import *w, const onnx_opsets *own, const char *domain)
{
    enum { NEWEST = 28, NEWEST_ML = 5, BEFORE_OPSETS = 3 };
    int64_t version = own ? onnx_opset_of(own, domain) : 0;
    if (!version) version = onnx_opset_of(&w->model.opsets, domain);
    if (version) return version;
    if (*domain) return strcmp(domain, "ai.onnx.ml") ? 1 : NEWEST_ML;
    return w->model.ir_version > 0 && w->model.ir_version < BEFORE_OPSETS ? 1 : NEWEST;
}

typedef struct missing {
    struct missing *next;
    const onnx_node *node; /* the first one */
    int64_t version;
    size_t count;
} missing;

typedef struct {
    onnx_import *w;
    missing *first, **last;
    ingot_status status;
} scan;

static void note(scan *s, const onnx_node *node, int64_t version)
{
    for (missing *m = s->first; m; m = m->next)
        if (!strcmp(m->node->op, node->op) && !strcmp(m->node->domain, node->domain) &&
            m->version == version) {
            m->count++;
            return;
        }
    missing *m = ig_new(&s->w->arena, missing);
    if (!m) {
        s->status = INGOT_E_NOMEM;
        return;
    }
    *m = (missing){.node = node, .version = version, .count = 1};
    *s->last = m;
    s->last = &m->next;
}

static void scan_graph(scan *s, const onnx_graph *g, const onnx_opsets *opsets, int deep);

static void scan_node(scan *s, const onnx_node *node, const onnx_opsets *opsets, int deep)
{
    for (size_t a = 0; a < node->n_attrs; a++)
        if (node->attrs[a].graph) scan_graph(s, node->attrs[a].graph, opsets, deep);
    onnx_function *fn = onnx_function_of(s->w, node);
    if (fn) {
        if (!fn->seen && deep < ONNX_CALLS_DEEP) {
            fn->seen = true;
            scan_graph(s, &fn->body, &fn->opsets, deep + 1);
        }
        return;
    }
    const int64_t version = onnx_version(s->w, opsets, node->domain);
    if (!onnx_map_find(node->domain, node->op, version)) note(s, node, version);
}

static void scan_graph(scan *s, const onnx_graph *g, const onnx_opsets *opsets, int deep)
{
    for (size_t i = 0; i < g->n_nodes; i++) scan_node(s, &g->nodes[i], opsets, deep);
}

/* Appends what fits whole; false: it does not fit. */
static bool append(char *text, size_t cap, size_t *at, const missing *m)
{
    char item[320], more[40] = "", name[100] = "";
    if (m->count > 1) snprintf(more, sizeof more, " and %zu more", m->count - 1);
    if (*m->node->name) snprintf(name, sizeof name, " '%.80s'", m->node->name);
    const int n = snprintf(
        item, sizeof item, "%snode%s %.80s (%.60s, opset %lld)%s", *at ? "; " : "", name,
        m->node->op, *m->node->domain ? m->node->domain : "ai.onnx", (long long)m->version, more);
    if (n < 0 || (size_t)n >= sizeof item || *at + (size_t)n >= cap) return false;
    memcpy(text + *at, item, (size_t)n + 1);
    *at += (size_t)n;
    return true;
}

ingot_status onnx_scan(onnx_import *w, ingot_error *err)
{
    scan s = {.w = w};
    s.last = &s.first;
    scan_graph(&s, &w->model.graph, NULL, 0);
    if (s.status) return ig_fail(err, s.status, "listing ops: no memory");
    if (!s.first) return INGOT_OK;
    char text[420] = "", rest[48] = "";
    size_t at = 0, left = 0;
    for (const missing *m = s.first; m; m = m->next) {
        size_t alone = 0;
        char line[400];
        if (append(line, sizeof line, &alone, m))
            ig_log_say(w->log, IG_LOG_WARN, "unsupported: %s", line);
        if (left || !append(text, sizeof text, &at, m)) left++;
    }
    if (left) snprintf(rest, sizeof rest, "; and %zu other ops", left);
    return ig_fail(err, INGOT_E_UNSUPPORTED, "unsupported: %s%s", text, rest);
}
