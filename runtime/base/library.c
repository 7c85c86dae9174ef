/* library.c - see library.h. */
#include "runtime/base/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A segment of the open file lies past its end, or its table does. */
static bool is_cut(int file, uint64_t bytes)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) segment;
    if (pread(file, &head, sizeof head, 0) != sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG))
        return false;
    for (size_t i = 0; i < head.e_phnum; i++) {
        const uint64_t at = head.e_phoff + i * sizeof segment;
        if (pread(file, &segment, sizeof segment, (off_t)at) != sizeof segment) return true;
        const bool inside =
            segment.p_offset <= bytes && segment.p_filesz <= bytes - segment.p_offset;
        if (segment.p_type == PT_LOAD && !inside) return true;
    }
    return false;
}

bool ig_library_is_cut(const char *path)
{
    struct stat info;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const bool cut = !fstat(file, &info) && is_cut(file, (uint64_t)info.st_size);
    close(file);
    return cut;
}

void ig_library_find(void *library, const char *name, void *fn)
{
    void *found = dlsym(library, name);
    memcpy(fn, &found, sizeof found);
}
