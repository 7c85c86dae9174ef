/* pass.c - the order of the passes; see pass.h. */
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

static const ig_pass passes[] = {
    {"inline", ig_pass_inline},
    {"widened", ig_pass_widened},
    {"fold", ig_pass_fold},
    {"inline_folded", ig_pass_inline}, /* conditions that folding found */
    {"qdq", ig_pass_qdq},
    {"fold_moved", ig_pass_fold}, /* what qdq moved before its dequantize */
    {"low_bit", ig_pass_low_bit},
    {"fold_dequantized", ig_pass_fold_dequantized},
    {"cse", ig_pass_cse},
    {"norms", ig_pass_norms},
    {"attention", ig_pass_attention},
    {"activations", ig_pass_activations},
    {"batch_norm", ig_pass_batch_norm},
    {"dead_fused", ig_pass_dead}, /* what was spelled out still counts as a reader */
    {"epilogues", ig_pass_epilogues},
    {"layout", ig_pass_layout},
    {"pack", ig_pass_pack},
    {"dead", ig_pass_dead},
};

const ig_pass *ig_pass_list(size_t *n)
{
    *n = IG_LEN(passes);
    return passes;
}

static ingot_status run_one(const ig_pass *pass, ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    for (size_t n = 0; n < g->n_nodes; n++)
        for (uint32_t s = 0; s < g->nodes[n]->n_sub; s++)
            IG_TRY(run_one(pass, g->nodes[n]->sub[s], c, err));
    ig_arena_reset(c->scratch);
    const ingot_status s = pass->run(g, c, err);
    return s ? ig_wrap(err, s, "pass %s", pass->name) : INGOT_OK;
}

ingot_status ig_passes_run(ig_graph *g, ig_pass_context *c,
                           void (*after)(void *ud, const char *pass, const ig_graph *g), void *ud,
                           ingot_error *err)
{
    ig_arena scratch;
    ig_arena_init(&scratch, c->heap);
    c->scratch = &scratch;
    ingot_status s = ig_infer_graph(g, c->heap, err);
    if (!s && after) after(ud, "import", g);
    for (size_t i = 0; !s && i < IG_LEN(passes); i++) {
        s = run_one(&passes[i], g, c, err);
        if (!s) s = ig_infer_graph(g, c->heap, err);
        if (!s && after) after(ud, passes[i].name, g);
    }
    ig_arena_clear(&scratch);
    c->scratch = NULL;
    return s;
}
