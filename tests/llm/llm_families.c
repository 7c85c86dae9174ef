/* llm_families.c - checkpoints of every family against recorded logits: prompts whole and token by
 * token (the same bits), greedy continuation. Those below tests/llm/data are ours
 * (make.py, NumPy); those below ../shared are transformers'. */
#include "tests/llm/decode_rig.h"
#include "formats/convert.h"
#include "runtime/base/checked.h"
#include "tools/data/npz.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { GREEDY_MOST = 64 };
#define TOLERANCE 1e-4

typedef struct {
    ig_heap heap;
    ig_arrays golden;
    decode_rig rig;
    char ingot[300];
    size_t tokens;
    int32_t ids[RIG_TOKENS];
    float *logits; /* [tokens, vocab] */
} family;

static const ig_array *golden_of(const family *f, const char *name)
{
    const ig_array *a = ig_arrays_find(&f->golden, name);
    if (!a) fail_msg("the golden file has no '%s'", name);
    return a;
}

static void family_open(family *f, const char *folder, ig_weight_target target)
{
    ingot_error err;
    char path[400];
    ig_heap_init(&f->heap, NULL);
    ig_arrays_init(&f->golden, &f->heap);
    snprintf(path, sizeof path, "%.380s/golden.npz", folder);
    check_ok(ig_npz_read(&f->golden, path, &err));
    snprintf(f->ingot, sizeof f->ingot, "%.200s/ingot-family-%ld.ingot",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    const ig_convert_options o = {.heap = &f->heap, .target = target};
    check_ok(ig_convert_file(f->ingot, folder, &o, &err));
    rig_open(&f->rig, &f->heap, f->ingot);
    const ig_array *ids = golden_of(f, "ids");
    f->tokens = (size_t)ids->dims[ids->rank - 1];
    assert_true(f->tokens <= RIG_TOKENS);
    for (size_t i = 0; i < f->tokens; i++) f->ids[i] = (int32_t)ig_to_int(ids->data, ids->dtype, i);
    f->logits = malloc(f->tokens * f->rig.vocab * sizeof *f->logits);
    assert_non_null(f->logits);
}

static void family_close(family *f)
{
    rig_close(&f->rig);
    free(f->logits);
    ig_arrays_clear(&f->golden);
    unlink(f->ingot);
}

static double off_by(const float *got, const ig_array *want)
{
    double worst = 0, scale = 0;
    for (size_t i = 0; i < want->bytes / sizeof *got; i++) {
        const double w = ig_to_double(want->data, want->dtype, i);
        worst = fmax(worst, fabs((double)got[i] - w));
        scale = fmax(scale, fabs(w));
    }
    return worst / scale;
}

static void check_prompt(family *f, const char *name)
{
    const ig_array *want = golden_of(f, "logits");
    assert_int_equal(want->dims[want->rank - 1], f->rig.vocab);
    assert_int_equal(want->bytes, f->tokens * f->rig.vocab * sizeof(float));
    rig_step(&f->rig, f->logits, f->ids, f->tokens);
    const double off = off_by(f->logits, want);
    if (!(off <= TOLERANCE)) fail_msg("%s: logits are off by %.1e of their scale", name, off);
}

static void check_chunks(family *f, const char *name)
{
    float *row = malloc(f->rig.vocab * sizeof *row);
    assert_non_null(row);
    f->rig.done = 0;
    for (size_t t = 0; t < f->tokens; t++) {
        rig_step(&f->rig, row, f->ids + t, 1);
        if (memcmp(row, f->logits + t * f->rig.vocab, f->rig.vocab * sizeof *row))
            fail_msg("%s: token %zu has other bits alone than in the whole prompt", name, t);
    }
    free(row);
}

/* Two steps, of the first no logits, of the second the last row's. */
static void check_few_rows(family *f, const char *name)
{
    const size_t half = f->tokens / 2, vocab = f->rig.vocab;
    float *row = malloc(vocab * sizeof *row);
    assert_non_null(row);
    f->rig.done = 0;
    rig_step_rows(&f->rig, row, f->ids, half, 0);
    rig_step_rows(&f->rig, row, f->ids + half, f->tokens - half, 1);
    if (memcmp(row, f->logits + (f->tokens - 1) * vocab, vocab * sizeof *row))
        fail_msg("%s: the last row has other bits alone than among all", name);
    free(row);
}

static int32_t best_of(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return (int32_t)best;
}

/* Up to the first step whose two best logits are too close to tell. */
static void check_greedy(family *f, const char *name)
{
    const ig_array *want = golden_of(f, "greedy"), *margin = golden_of(f, "margin");
    float *row = malloc(f->rig.vocab * sizeof *row);
    assert_non_null(row);
    int32_t id = best_of(f->logits + (f->tokens - 1) * f->rig.vocab, f->rig.vocab);
    for (size_t i = 0; i < (size_t)want->dims[0] && i < GREEDY_MOST; i++) {
        if (ig_to_double(margin->data, margin->dtype, i) < 1e-3) break;
        if (id != ig_to_int(want->data, want->dtype, i))
            fail_msg("%s: greedy id %zu is %d, not %lld", name, i, id,
                     (long long)ig_to_int(want->data, want->dtype, i));
        rig_step(&f->rig, row, &id, 1);
        id = best_of(row, f->rig.vocab);
    }
    free(row);
}

static double cosine(const float *a, const ig_array *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < b->bytes / sizeof *a; i++) {
        const double x = (double)a[i], y = ig_to_double(b->data, b->dtype, i);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

static bool has(const char *folder, const char *name, const char *file)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    return !access(path, R_OK);
}

/* Weights of fewer bits compute nearly the same, in whole prompts and token by token alike. How
 * near is what was seen of the worst of them, with room: networks this small amplify every
 * rounding. */
static void check_narrow(const char *folder, const char *name)
{
    static const struct {
        ig_weight_target to;
        double like;
    } all[] = {{IG_KEEP, 0.99999}, {IG_TO_F16, 0.9999}, {IG_TO_BF16, 0.999},    {IG_TO_Q8, 0.995},
               {IG_TO_Q4, 0.9},    {IG_TO_F8, 0.99},    {IG_TO_F8_BLOCKS, 0.99}};
    for (size_t i = 0; i < IG_LEN(all); i++) {
        family f;
        family_open(&f, folder, all[i].to);
        rig_step(&f.rig, f.logits, f.ids, f.tokens);
        const double like = cosine(f.logits, golden_of(&f, "logits"));
        if (getenv("VERBOSE")) print_message("%s type %d: %.5f\n", name, (int)all[i].to, like);
        if (!(like >= all[i].like))
            fail_msg("%s as type %d: cosine %.5f with f32", name, (int)all[i].to, like);
        check_few_rows(&f, name);
        check_chunks(&f, name);
        family_close(&f);
    }
}

/* Every decoder below the folder; their number. */
static size_t check_folder(const char *folder, bool narrow)
{
    char path[600];
    size_t n = 0;
    DIR *dir = opendir(folder);
    if (!dir) return 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        family f;
        snprintf(path, sizeof path, "%.200s/%.200s", folder, e->d_name);
        if (!has(folder, e->d_name, "golden.npz")) continue;
        if (!has(folder, e->d_name, "generation_config.json")) continue; /* an encoder */
        family_open(&f, path, IG_TO_F32);
        check_prompt(&f, e->d_name);
        check_few_rows(&f, e->d_name);
        check_chunks(&f, e->d_name);
        check_greedy(&f, e->d_name);
        family_close(&f);
        if (narrow) check_narrow(path, e->d_name);
        n++;
    }
    closedir(dir);
    return n;
}

static void own_checkpoints(void **state)
{
    (void)state;
    const size_t n = check_folder("tests/llm/data", true);
    print_message("%zu checkpoints\n", n);
    assert_true(n >= 20);
}

static void shared_checkpoints(void **state)
{
    (void)state;
    const size_t n = check_folder("../shared/models/llm/tiny", false);
    if (!n) skip();
    print_message("%zu checkpoints\n", n);
    assert_true(n >= 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(own_checkpoints),
                                       cmocka_unit_test(shared_checkpoints)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
