/* library.c - see library.h. */
#include "runtime/base/library.h"

#include <dlfcn.h>
#include <string.h>

/* A sanitizer's runtime forbids RTLD_DEEPBIND, and not every system has it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(RTLD_DEEPBIND)
enum { HOW = RTLD_NOW | RTLD_LOCAL };
#else
enum { HOW = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND };
#endif

void *ig_library_open(const char *const *files, size_t n)
{
    void *library = NULL;
    for (size_t i = 0; i < n && !library; i++) library = dlopen(files[i], HOW);
    return library;
}

void ig_library_find(void *library, const char *name, void *fn)
{
    void *found = dlsym(library, name);
    memcpy(fn, &found, sizeof found);
}
