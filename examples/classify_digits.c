/* classify_digits.c - classify images one by one, count what is right, time every answer.
 *
 *     classify_digits MODEL.ingot digits_test.npz [N]
 *
 * Works with models that take images [batch, 1, 8, 8] and with those that take the rows of an image
 * one after the other [8, batch, 8]: with one image the bytes are the same. */
#include <ingot.h>

#include "npz.h"

#include <time.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, SHOWN = 6 };

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int largest(const float *score)
{
    int best = 0;
    for (int i = 1; i < CLASSES; i++)
        if (score[i] > score[best]) best = i;
    return best;
}

/* Some digits side by side, darker for more ink, and what the model takes them for. */
static void show(const float *images, const int *answers, size_t n)
{
    static const char ink[] = " .:-=+*#%@";
    for (int y = 0; y < SIDE; y++) {
        for (size_t i = 0; i < n; i++) {
            fputs("   ", stdout);
            for (int x = 0; x < SIDE; x++) {
                const char c = ink[(int)(images[i * PIXELS + (size_t)(y * SIDE + x)] * 9)];
                putchar(c), putchar(c);
            }
        }
        putchar('\n');
    }
    for (size_t i = 0; i < n; i++) printf("   %*d%*s", SIDE, answers[i], SIDE, "");
    putchar('\n');
}

/* One image; the answer and its seconds. */
static ingot_status classify(int *answer, double *seconds, ingot_session *s, int rank, float *image,
                             ingot_error *err)
{
    static const int64_t as_image[] = {1, 1, SIDE, SIDE}, as_rows[] = {SIDE, 1, SIDE},
                         as_scores[] = {1, CLASSES};
    float score[CLASSES];
    const ingot_tensor in = ingot_view_f32(image, rank, rank == 4 ? as_image : as_rows);
    ingot_tensor out = ingot_view_f32(score, 2, as_scores);
    const double begin = now();
    const ingot_status status = ingot_session_run(s, &out, 1, &in, 1, err);
    *seconds = now() - begin;
    *answer = status ? -1 : largest(score);
    return status;
}

static ingot_status classify_all(ingot_session *s, int rank, const npz_array *images,
                                 const npz_array *labels, size_t n, ingot_error *err)
{
    double *seconds = calloc(n, sizeof *seconds);
    int *answers = calloc(n, sizeof *answers);
    size_t right = 0;
    ingot_status status = INGOT_OK;
    for (size_t i = 0; seconds && answers && !status && i < n; i++) {
        float *image = (float *)images->data + i * PIXELS;
        status = classify(&answers[i], &seconds[i], s, rank, image, err);
        right += answers[i] == (int)((const int64_t *)labels->data)[i];
    }
    if (!status && seconds && answers && n) {
        show(images->data, answers, n < SHOWN ? n : SHOWN);
        qsort(seconds, n, sizeof *seconds, by_value);
        printf("\naccuracy  %.2f %% (%zu of %zu held-out digits)\n",
               100 * (double)right / (double)n, right, n);
        printf("latency   median %.1f us, 99th percentile %.1f us, one image at a time\n",
               1e6 * seconds[n / 2], 1e6 * seconds[n - 1 - n / 100]);
    }
    free(seconds);
    free(answers);
    return status;
}

int main(int argc, char **argv)
{
    ingot_error err = {.status = INGOT_OK};
    ingot_runtime *rt = NULL;
    ingot_model *model = NULL;
    ingot_session *s = NULL;
    ingot_value_info input;
    if (argc < 3)
        return fputs("usage: classify_digits MODEL.ingot digits_test.npz [N]\n", stderr), 2;
    npz_array images = npz_read(argv[2], "images", "<f4"),
              labels = npz_read(argv[2], "labels", "<i8");
    size_t n = images.data && labels.data ? labels.count : 0;
    if (!n || images.count != n * PIXELS)
        return fprintf(stderr, "%s: no images and labels in it\n", argv[2]), 1;
    if (argc > 3 && strtoul(argv[3], NULL, 10) < n) n = strtoul(argv[3], NULL, 10);

    /* One thread: such a small model is done before a second one wakes up. */
    const ingot_runtime_options options = {.size = sizeof options, .n_threads = 1};
    ingot_status status = ingot_runtime_open(&rt, &options, &err);
    if (!status) status = ingot_model_open(&model, rt, argv[1], NULL, &err);
    if (!status) status = ingot_session_open(&s, model, NULL, &err);
    if (!status && ingot_model_input(&input, model, 0))
        status = classify_all(s, input.rank, &images, &labels, n, &err);
    if (status) fprintf(stderr, "%s\n", err.text);
    if (s) ingot_session_close(&s);
    if (model) ingot_model_close(&model);
    if (rt) ingot_runtime_close(&rt);
    free(images.data);
    free(labels.data);
    return status != INGOT_OK;
}
