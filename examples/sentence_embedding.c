/* sentence_embedding.c - texts to vectors, and how near they are to each other.
 *
 *     sentence_embedding MODEL.ingot TEXT TEXT...
 *
 * The model of examples/models takes ids of words: a word's id is a hash, so there is no vocabulary
 * file (examples/models/README.md says how). All texts run as one batch, padded to the longest. */
#include <ingot.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 4096, MOST_WORDS = 64 };

static int in_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || c > 127;
}

/* ids [MOST_WORDS]; how many. */
static size_t words_to_ids(int64_t *ids, const char *text)
{
    size_t n = 0;
    for (const char *at = text; *at && n < MOST_WORDS;) {
        uint32_t hash = 2166136261u; /* FNV-1a */
        size_t length = 0;
        for (; *at; at++, length++) {
            unsigned char c = (unsigned char)*at;
            if (c >= 'A' && c <= 'Z') c = (unsigned char)(c - 'A' + 'a');
            if (!in_word(c)) break;
            hash = (hash ^ c) * 16777619u;
        }
        if (length)
            ids[n++] = 1 + (int64_t)(hash % (VOCAB - 1));
        else
            at++;
    }
    if (!n) ids[n++] = 0;
    return n;
}

/* Vectors have length 1: their product is the cosine. */
static void show(char **texts, const float *vectors, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            float product = 0;
            for (size_t d = 0; d < width; d++)
                product += vectors[i * width + d] * vectors[k * width + d];
            printf("%6.2f", (double)product);
        }
        printf("   %s\n", texts[i]);
    }
}

static ingot_status embed(ingot_session *s, char **texts, size_t n, ingot_error *err)
{
    size_t longest = 0, lengths[MOST_WORDS];
    int64_t *words = calloc(n * MOST_WORDS, sizeof *words);
    int64_t *ids = calloc(n * MOST_WORDS, sizeof *ids),
            *mask = calloc(n * MOST_WORDS, sizeof *mask);
    for (size_t i = 0; i < n; i++) {
        lengths[i] = words_to_ids(words + i * MOST_WORDS, texts[i]);
        if (lengths[i] > longest) longest = lengths[i];
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < lengths[i]; k++) {
            ids[i * longest + k] = words[i * MOST_WORDS + k];
            mask[i * longest + k] = 1;
        }
    const int64_t shape[] = {(int64_t)n, (int64_t)longest};
    ingot_tensor in[] = {ingot_view_i64(ids, 2, shape), ingot_view_i64(mask, 2, shape)};
    in[0].name = "input_ids", in[1].name = "attention_mask";
    ingot_tensor out = {.name = "embedding"}; /* no buffer: the session's own memory */
    const ingot_status status = ingot_session_run(s, &out, 1, in, 2, err);
    if (!status) show(texts, out.data, n, (size_t)out.dims[1]);
    free(words);
    free(ids);
    free(mask);
    return status;
}

int main(int argc, char **argv)
{
    ingot_error err = {.status = INGOT_OK};
    ingot_runtime *rt = NULL;
    ingot_model *model = NULL;
    ingot_session *s = NULL;
    if (argc < 3 || argc - 2 > MOST_WORDS)
        return fputs("usage: sentence_embedding MODEL.ingot TEXT... (at most 64)\n", stderr), 2;
    ingot_status status = ingot_runtime_open(&rt, NULL, &err);
    if (!status) status = ingot_model_open(&model, rt, argv[1], NULL, &err);
    if (!status) status = ingot_session_open(&s, model, NULL, &err);
    if (!status) status = embed(s, argv + 2, (size_t)argc - 2, &err);
    if (status) fprintf(stderr, "%s\n", err.text);
    if (s) ingot_session_close(&s);
    if (model) ingot_model_close(&model);
    if (rt) ingot_runtime_close(&rt);
    return status != INGOT_OK;
}
