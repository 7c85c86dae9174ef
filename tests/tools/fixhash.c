/* fixhash.c - `ingot-fixhash FILE`: put the digests of a damaged .ingot file right, in place, so
 * that tests reach behind the checksums. Exit 1 where the directory itself cannot be read. */
#include "formats/ingot/ingot_file.h"

#include <stdio.h>
#include <stdlib.h>

static int rewrite(FILE *f, const char *path)
{
    if (fseek(f, 0, SEEK_END)) return perror(path), 1;
    const long size = ftell(f);
    if (size <= 0) return fprintf(stderr, "ingot-fixhash: %s: empty\n", path), 1;
    const size_t n = (size_t)size;
    unsigned char *bytes = aligned_alloc(64, (n + 63) / 64 * 64);
    rewind(f);
    int failed = !bytes || fread(bytes, 1, n, f) != n;
    if (!failed && !ig_ingot_fix_digests(bytes, n))
        failed = fprintf(stderr, "ingot-fixhash: %s: no directory to be read\n", path) > 0;
    rewind(f);
    if (!failed && (fwrite(bytes, 1, n, f) != n || fflush(f))) failed = (perror(path), 1);
    free(bytes);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 2) return fputs("usage: ingot-fixhash FILE\n", stderr), 2;
    FILE *f = fopen(argv[1], "r+b");
    if (!f) return perror(argv[1]), 1;
    const int failed = rewrite(f, argv[1]);
    return fclose(f) || failed;
}
