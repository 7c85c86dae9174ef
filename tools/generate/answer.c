/* answer.c - one answer, streamed; see generate.h. */
#include "tools/cli/interrupt.h"
#include "tools/generate/generate.h"

static void cancel(void *ud) { ingot_generation_cancel(ud); }

ingot_status ig_generate_answer(ig_generate *j, ingot_generation **t, ingot_result *r,
                                ingot_error *err)
{
    j->ends_line = true;
    IG_TRY(ingot_generator_submit(t, j->g, &j->ask, err));
    ig_interrupt_call(cancel, *t);
    ig_interrupt_watch(true);
    if (ig_interrupted()) ingot_generation_cancel(*t);
    const ingot_status s = ingot_generation_wait(r, *t, err);
    ig_interrupt_call(NULL, NULL);
    ig_interrupt_watch(false);
    if (!j->ends_line) {
        putchar('\n');
        fflush(stdout);
    }
    if (!s && r->finish == INGOT_FINISH_CANCELLED)
        return ig_fail(err, INGOT_E_CANCELLED, "interrupted after %zu tokens", r->n_tokens);
    return s;
}
