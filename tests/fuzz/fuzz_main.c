/* fuzz_main.c - a fuzz target as a program; see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { FILES_MOST = 4096, FILE_MOST = 1 << 20, LAST_BYTES = 8 };

typedef struct {
    uint8_t *v[FILES_MOST];
    size_t n_bytes[FILES_MOST], n;
} corpus;

static void add_file(corpus *c, const char *path)
{
    FILE *f = c->n < FILES_MOST ? fopen(path, "rb") : NULL;
    uint8_t *p = f ? malloc(FILE_MOST) : NULL;
    if (p) {
        c->n_bytes[c->n] = fread(p, 1, FILE_MOST, f);
        c->v[c->n++] = p;
    }
    if (f) fclose(f);
}

/* In the order of names: a file system has its own, and a seed would mean other files in each. */
static void add_folder(corpus *c, const char *dir)
{
    struct dirent **e = NULL;
    const int n = scandir(dir, &e, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, e[i]->d_name);
        const char *dot = strrchr(e[i]->d_name, '.');
        const bool there = e[i]->d_name[0] != '.' && !stat(path, &st);
        if (there && S_ISDIR(st.st_mode))
            add_folder(c, path);
        else if (there && dot && strstr(fuzz_endings, dot) && st.st_size <= FILE_MOST)
            add_file(c, path);
        free(e[i]);
    }
    free(e);
}

static uint64_t next(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static size_t below(uint64_t *state, size_t n) { return n ? (size_t)(next(state) % n) : 0; }

static void overwrite(uint8_t *p, size_t n, uint64_t *r)
{
    static const uint8_t nasty[][LAST_BYTES] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {0},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
    };
    const size_t k = below(r, sizeof nasty / sizeof nasty[0]), width = 1 + below(r, LAST_BYTES);
    if (n >= width) memcpy(p + below(r, n - width + 1), nasty[k], width);
}

/* One to four kinds of damage; the room behind p holds an insertion. Returns the new length. */
static size_t damage(uint8_t *p, size_t n, uint64_t *r)
{
    for (size_t times = 1 + below(r, 4); times && n; times--) {
        const size_t at = below(r, n), len = below(r, n - at < 64 ? n - at : 64);
        switch (below(r, 6)) {
        case 0:
            p[at] ^= (uint8_t)(1u << below(r, 8));
            break;
        case 1:
            p[at] = (uint8_t)next(r);
            break;
        case 2:
            overwrite(p, n, r);
            break;
        case 3: /* take a piece out */
            memmove(p + at, p + at + len, n - at - len);
            n -= len;
            break;
        case 4: /* say a piece twice */
            memmove(p + at + len, p + at, n - at);
            n += len;
            break;
        default:
            if (below(r, 4) == 0) n = at;
        }
    }
    return n;
}

/* seconds of the processor's time, or 0: as long as it takes */
static long fuzz(const corpus *c, double seconds, long rounds, uint64_t seed)
{
    uint64_t r = seed * 0x9e3779b97f4a7c15u + 1;
    const clock_t begin = clock();
    long done = 0;
    for (; done < rounds; done++) {
        if (seconds > 0 && (double)(clock() - begin) > seconds * CLOCKS_PER_SEC) break;
        const size_t k = below(&r, c->n);
        uint8_t *copy = malloc(c->n_bytes[k] + 1024);
        if (!copy) abort();
        memcpy(copy, c->v[k], c->n_bytes[k]);
        const size_t n = damage(copy, c->n_bytes[k], &r);
        uint8_t *exact = malloc(n + 1); /* a sanitizer sees reads past the end */
        if (!exact) abort();
        memcpy(exact, copy, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
        free(copy);
    }
    return done;
}

int main(int argc, char **argv)
{
    static corpus c;
    double seconds = 0;
    long rounds = 0;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
            seconds = strtod(argv[++i], NULL);
        else if (i + 1 < argc && !strcmp(argv[i], "--rounds"))
            rounds = strtol(argv[++i], NULL, 10);
        else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
            seed = strtoull(argv[++i], NULL, 10);
        else
            add_folder(&c, argv[i]);
    }
    if (!c.n) {
        fputs("fuzz: no files of that kind in the given folders\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < c.n; i++) LLVMFuzzerTestOneInput(c.v[i], c.n_bytes[i]);
    if (!rounds) rounds = seconds > 0 ? LONG_MAX : 10000;
    fuzz_taken = 0;
    const long done = fuzz(&c, seconds, rounds, seed);
    printf("fuzz: %zu files, %ld damaged ones, seed %llu: %ld taken, the others refused\n", c.n,
           done, (unsigned long long)seed, fuzz_taken);
    for (size_t i = 0; i < c.n; i++) free(c.v[i]);
    return 0;
}
