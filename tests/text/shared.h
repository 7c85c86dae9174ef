/* shared.h - where the tests find the models beside the project, and how they read a file. */
#ifndef IG_TESTS_TEXT_SHARED_H
#define IG_TESTS_TEXT_SHARED_H

#include "tests/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path below ../shared/models; NULL where there is none. */
static inline const char *shared_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "../shared/models/%s", name);
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f ? path : NULL;
}

static inline char *read_whole(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s: cannot be opened", path);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *p = malloc(*n + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *n, f), *n);
    p[*n] = 0;
    fclose(f);
    return p;
}

#endif
