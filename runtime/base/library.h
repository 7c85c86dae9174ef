/* library.h - libraries that are looked for while running, and done without where they are not. */
#ifndef IG_BASE_LIBRARY_H
#define IG_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* ig_library_open - the first of n file names that the loader finds, or NULL. Two libraries that
 * define the same names each find their own. Stays loaded: their threads may not be ended. */
void *ig_library_open(const char *const *files, size_t n);

/* ig_library_is_cut - the file ends before what it says is in it, as one does whose copying was
 * broken off. The loader maps such a file all the same, and who reads it gets a SIGBUS. false: it
 * does not, or there is no such file, or it is none of this machine's format. */
bool ig_library_is_cut(const char *path);

/* ig_library_find - a function's address into *fn, an object pointer's worth of room; NULL where
 * the library lacks it. */
void ig_library_find(void *library, const char *name, void *fn);

#endif
