/* tune_file.c - see tune_file.h.
 *
 * cuda-tune.tsv in $XDG_CACHE_HOME/ingot, or ~/.cache/ingot: a line a choice,
 *
 *   device  capability  multiprocessors  driver  build  what  name  microseconds
 *
 * between tabs. A later line of the same device and `what` replaces an earlier one. The build is
 * the linker's id of the plugin, which changes with its kernels. Whoever adds a choice writes all
 * lines that it found, and its own, to another file that then takes the name: readers see a whole
 * file always. Of two writers at the same time one loses its choice, which is measured again. */
#include "runtime/device/cuda/tune_file.h"
#include "runtime/base/checked.h"
#include "runtime/base/file.h"

#include <fcntl.h>
#include <link.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 1024, MOST_LINES = 4096, CHIP_FIELDS = 5, FIELDS = 8 };

struct tuned {
    tuned *next;
    char what[IG_CU_TUNE_WHAT], name[IG_CU_TUNE_NAME];
};

static void say(const ig_device *d, ig_log_level level, const char *what, const char *why)
{
    ig_log_say(device_log(), level, "cuda:%d: %s: %.200s", d->info.ordinal, what, why);
}

/* ---- the build ---- */

typedef struct {
    const char *of; /* a byte of the object that is looked for */
    char text[64];  /* its id in hexadecimal digits; "": it has none */
} build;

static void read_id(build *b, const unsigned char *at, size_t bytes)
{
    const unsigned char *end = at + bytes;
    ElfW(Nhdr) note;
    while ((size_t)(end - at) >= sizeof note) {
        memcpy(&note, at, sizeof note);
        const unsigned char *id = at + sizeof note + (note.n_namesz + 3) / 4 * 4;
        if (note.n_type == NT_GNU_BUILD_ID)
            for (size_t i = 0; i < note.n_descsz && 2 * i + 3 < sizeof b->text; i++)
                snprintf(b->text + 2 * i, 3, "%02x", id[i]);
        at = id + (note.n_descsz + 3) / 4 * 4;
    }
}

static int look_at(struct dl_phdr_info *o, size_t size, void *of)
{
    build *b = of;
    bool mine = false;
    (void)size;
    for (int i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        const char *from = (const char *)o->dlpi_addr + p->p_vaddr;
        mine = mine || (p->p_type == PT_LOAD && b->of >= from && b->of < from + p->p_memsz);
    }
    for (int i = 0; mine && i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        if (p->p_type == PT_NOTE)
            read_id(b, (const unsigned char *)o->dlpi_addr + p->p_vaddr, p->p_memsz);
    }
    return mine;
}

/* ---- finding the file ---- */

static bool find_path(char *path, size_t room)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool named = cache && *cache == '/';
    const char *base = named ? cache : home && *home == '/' ? home : NULL;
    const int n =
        base ? snprintf(path, room, "%s%s/ingot/cuda-tune.tsv", base, named ? "" : "/.cache") : -1;
    return n > 0 && (size_t)n < room;
}

/* The file's folder and the one above it, where they are missing. */
static void make_folders(const char *path)
{
    char folder[sizeof((tune *)0)->path];
    snprintf(folder, sizeof folder, "%s", path);
    char *last = strrchr(folder, '/');
    *last = 0;
    char *above = strrchr(folder, '/');
    *above = 0;
    (void)mkdir(folder, 0777); /* what fails shows when the file is written */
    *above = '/';
    (void)mkdir(folder, 0777);
}

void tune_file_open(ig_device *d)
{
    tune *t = &d->tune;
    static const char here;
    build b = {.of = &here};
    (void)dl_iterate_phdr(look_at, &b);
    snprintf(t->chip, sizeof t->chip, "%s\t%d.%d\t%d\t%d\t%s", d->info.name, d->info.cc_major,
             d->info.cc_minor, d->info.processors, d->info.driver, b.text);
    const char *why = !*b.text ? "the plugin was linked without --build-id"
                      : !find_path(t->path, sizeof t->path)
                          ? "neither XDG_CACHE_HOME nor HOME is a folder's path"
                          : NULL;
    if (why) {
        *t->path = 0;
        say(d, IG_LOG_INFO, "there is no file of measured choices", why);
    }
    tune_file_read(d);
}

/* ---- lines ---- */

typedef struct {
    size_t chip_n, what_n, name_n; /* lengths */
    const char *what, *name;
} fields;

/* Where the parts of a line are; false: it is damaged. */
static bool parse(fields *f, const char *line)
{
    const char *tabs[FIELDS], *at = line;
    size_t n = 0;
    for (; n + 1 < FIELDS && (at = strchr(at, '\t')); n++) tabs[n] = at++;
    if (n + 1 < FIELDS || strchr(at, '\t')) return false;
    *f = (fields){.chip_n = (size_t)(tabs[CHIP_FIELDS - 1] - line),
                  .what = tabs[CHIP_FIELDS - 1] + 1,
                  .name = tabs[CHIP_FIELDS] + 1,
                  .what_n = (size_t)(tabs[CHIP_FIELDS] - tabs[CHIP_FIELDS - 1] - 1),
                  .name_n = (size_t)(tabs[CHIP_FIELDS + 1] - tabs[CHIP_FIELDS] - 1)};
    char *end;
    const double us = strtod(at, &end);
    return f->chip_n && f->what_n && f->what_n < IG_CU_TUNE_WHAT && f->name_n &&
           f->name_n < IG_CU_TUNE_NAME && end != at && !*end && us >= 0 && isfinite(us);
}

/* The next line without its end; "" for one that is too long, has zeros in it or no end. */
static bool next_line(FILE *file, char line[LINE])
{
    size_t n = 0;
    bool whole = true;
    int c;
    while ((c = getc(file)) != EOF && c != '\n') {
        whole = whole && c && n + 1 < LINE;
        if (whole) line[n++] = (char)c;
    }
    line[whole && c == '\n' ? n : 0] = 0;
    return c == '\n' || n || !whole;
}

static bool same(const char *text, const char *part, size_t n)
{
    return strlen(text) == n && !memcmp(text, part, n);
}

/* ---- in memory ---- */

static void keep(ig_device *d, const char *what, size_t what_n, const char *name, size_t name_n)
{
    tuned *t = d->tune.first;
    while (t && !same(t->what, what, what_n)) t = t->next;
    if (!t) {
        t = ig_take0(d->heap, sizeof *t);
        if (!t) return; /* it is not known, then */
        memcpy(t->what, what, what_n);
        t->next = d->tune.first;
        d->tune.first = t;
    }
    memset(t->name, 0, sizeof t->name);
    memcpy(t->name, name, name_n);
}

void tune_file_close(ig_device *d)
{
    while (d->tune.first) {
        tuned *t = d->tune.first;
        d->tune.first = t->next;
        ig_give(d->heap, t, sizeof *t);
    }
}

bool tune_file_find(const ig_device *d, const char *what, char name[IG_CU_TUNE_NAME])
{
    for (const tuned *t = d->tune.first; t; t = t->next)
        if (!strcmp(t->what, what)) {
            snprintf(name, IG_CU_TUNE_NAME, "%s", t->name);
            return true;
        }
    return false;
}

/* ---- on disk ---- */

/* NULL: there is none, or what has its name has no end that is near (a pipe, a device). */
static FILE *open_file(const ig_device *d)
{
    struct stat info;
    const int file = *d->tune.path ? open(d->tune.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (file < 0) return NULL;
    const bool fits =
        !fstat(file, &info) && S_ISREG(info.st_mode) && info.st_size <= (off_t)MOST_LINES * LINE;
    FILE *stream = fits ? fdopen(file, "r") : NULL;
    if (!stream) (void)close(file);
    if (!fits) say(d, IG_LOG_WARN, d->tune.path, "is no file of measured choices (delete it)");
    return stream;
}

void tune_file_read(ig_device *d)
{
    char line[LINE], why[64];
    size_t damaged = 0;
    fields f;
    FILE *file = open_file(d);
    while (file && next_line(file, line)) {
        const bool whole = parse(&f, line);
        damaged += !whole;
        if (whole && same(d->tune.chip, line, f.chip_n))
            keep(d, f.what, f.what_n, f.name, f.name_n);
    }
    if (file) (void)fclose(file);
    if (!damaged) return;
    snprintf(why, sizeof why, "%zu damaged lines are ignored", damaged);
    say(d, IG_LOG_WARN, d->tune.path, why);
}

/* Lines of others and other choices, the latest MOST_LINES - 1 of them; without `w` how many. */
static size_t copy_lines(const ig_device *d, const char *what, FILE *file, ig_writer *w,
                         size_t skip, ingot_status *s, ingot_error *err)
{
    char line[LINE];
    size_t n = 0;
    fields f;
    while (!*s && next_line(file, line)) {
        if (!parse(&f, line) ||
            (same(d->tune.chip, line, f.chip_n) && same(what, f.what, f.what_n)))
            continue;
        if (w && n >= skip) {
            *s = ig_writer_put(w, line, strlen(line), err);
            if (!*s) *s = ig_writer_put(w, "\n", 1, err);
        }
        n++;
    }
    return n;
}

static ingot_status write_file(ig_device *d, const char *what, const char *name, double us,
                               ingot_error *err)
{
    char line[LINE];
    ig_writer w;
    ingot_status s = INGOT_OK;
    make_folders(d->tune.path);
    IG_TRY(ig_writer_open(&w, d->heap, d->tune.path, err));
    FILE *old = open_file(d);
    if (old) {
        const size_t n = copy_lines(d, what, old, NULL, 0, &s, err);
        rewind(old);
        (void)copy_lines(d, what, old, &w, n >= MOST_LINES ? n + 1 - MOST_LINES : 0, &s, err);
        (void)fclose(old);
    }
    const int n = snprintf(line, sizeof line, "%s\t%s\t%s\t%.3f\n", d->tune.chip, what, name, us);
    if (!s) s = ig_writer_put(&w, line, (size_t)n, err);
    return s ? s : ig_writer_commit(&w, err);
}

void tune_file_keep(ig_device *d, const char *what, const char *name, double us)
{
    ingot_error err = {0};
    keep(d, what, strlen(what), name, strlen(name));
    if (*d->tune.path && write_file(d, what, name, us, &err))
        say(d, IG_LOG_WARN, "a measured choice is not kept", err.text);
}
