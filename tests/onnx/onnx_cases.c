/* onnx_cases.c - runs ONNX backend cases in process and counts.
 *
 *   onnx-cases [--only RE] [--report F] [--quiet] [--passes] [--min R] [--threads N] [--no-fork]
 *              [--device PLUGIN] [--where] [--fixed] [--types] DIR...
 *
 * Each DIR is a case or holds cases at any depth. Every case runs in a child process, so that a
 * crash or an endless loop is a result like others; --no-fork keeps them here, for debuggers.
 * --types: each case once for every number type that the CPU takes in place of its first input's,
 * the device's results beside the CPU's.
 * Prints a line for each case that fails, then the counts. Exit status 0: the share of cases that
 * pass is at least R (1), nothing crashed, and there was something to run. */
#include "tests/onnx/case.h"

#include <dirent.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MOST = 60 };

static const char *const kind_names[CASE_KINDS] = {"pass", "convert", "run",    "value",
                                                   "leak", "crash",   "driver", "apart"};

typedef struct {
    char **v;
    size_t n, cap;
} paths;

typedef struct {
    const char *only, *report, *device;
    bool quiet, no_fork, passes, where, fixed, types;
    double min;
    size_t threads;
    paths dirs;
} arguments;

/* ---- finding cases ---- */

static void add_path(paths *p, const char *text)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 64;
        p->v = realloc(p->v, p->cap * sizeof *p->v);
    }
    if (p->v) p->v[p->n++] = strdup(text);
    if (!p->v || !p->v[p->n - 1]) abort();
}

static void find_cases(paths *out, const char *dir)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    if (!stat(path, &st)) {
        add_path(out, dir);
        return;
    }
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (!stat(path, &st) && S_ISDIR(st.st_mode)) find_cases(out, path);
    }
    if (d) closedir(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *name_of(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash ? slash + 1 : folder;
}

/* ---- one case ---- */

static bool is_apart(const char *name)
{
    static const char *const parts[] = {"bernoulli",
                                        "random",
                                        "training_dropout",
                                        "adagrad",
                                        "adam",
                                        "momentum",
                                        "nesterov",
                                        "gradient_of",
                                        "batchnorm_epsilon_training",
                                        "batchnorm_example_training"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(name, parts[i])) return true;
    return false;
}

/* All number types: the first failure counts. */
static void run_types(case_result *out, const char *folder, case_options options, bool where)
{
    static const ingot_dtype types[] = {INGOT_F32, INGOT_F64, INGOT_F16,  INGOT_BF16,     INGOT_I8,
                                        INGOT_U8,  INGOT_I16, INGOT_U16,  INGOT_I32,      INGOT_U32,
                                        INGOT_I64, INGOT_U64, INGOT_BOOL, INGOT_F8E4M3FN, INGOT_I4};
    *out = (case_result){.kind = CASE_APART};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        case_result r;
        options.as = types[i];
        case_run(&r, folder, &options);
        if (r.kind == CASE_APART) continue;
        if (where)
            printf("type     %s: %s: %u steps on the device, %u on the CPU%s%s\n", name_of(folder),
                   ig_dtype(types[i])->name, r.on_device, r.on_cpu, *r.declined ? "; " : "",
                   r.declined);
        out->on_device += r.on_device, out->on_cpu += r.on_cpu;
        out->kind = r.kind;
        if (r.kind == CASE_PASS) continue;
        snprintf(out->why, sizeof out->why, "as %s: %.480s", ig_dtype(types[i])->name, r.why);
        break;
    }
    fflush(stdout);
}

static void run_here(case_result *out, const char *folder, const arguments *a)
{
    const case_options options = {
        .passes = a->passes, .fixed = a->fixed, .threads = a->threads, .device = a->device};
    if (a->types)
        run_types(out, folder, options, a->where);
    else
        case_run(out, folder, &options);
}

static void run_child(case_result *out, const char *folder, const arguments *a)
{
    int ends[2], status = 0;
    fflush(NULL);
    if (pipe(ends)) abort();
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        alarm(SECONDS_MOST);
        run_here(out, folder, a);
        _exit(write(ends[1], out, sizeof *out) == (ssize_t)sizeof *out ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t got = read(ends[0], out, sizeof *out);
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (got == (ssize_t)sizeof *out && WIFEXITED(status) && !WEXITSTATUS(status)) return;
    out->kind = CASE_CRASH;
    snprintf(out->why, sizeof out->why, "%s",
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ended without a result");
}

/* ---- the report ---- */

static void put_json(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

static void put_report(FILE *f, const char *name, const case_result *r, bool first)
{
    fprintf(f, "%s\n {\"case\": ", first ? "" : ",");
    put_json(f, name);
    fprintf(f, ", \"result\": \"%s\", \"why\": ", kind_names[r->kind]);
    put_json(f, r->why);
    fputc('}', f);
}

static int sum_up(const size_t counts[CASE_KINDS], double min)
{
    size_t total = 0;
    for (int k = 0; k < CASE_KINDS; k++) {
        printf("%s%s %zu", k ? ", " : "", kind_names[k], counts[k]);
        if (k != CASE_APART) total += counts[k];
    }
    const double ratio = total ? (double)counts[CASE_PASS] / (double)total : 0;
    printf("\nonnx cases: %zu of %zu pass, %.1f %% (at least %.0f %% asked)\n", counts[CASE_PASS],
           total, 100 * ratio, 100 * min);
    return total && ratio >= min && !counts[CASE_CRASH] ? 0 : 1;
}

static int run_all(const arguments *a, const paths *cases)
{
    regex_t only;
    size_t counts[CASE_KINDS] = {0}, n = 0;
    if (a->only && regcomp(&only, a->only, REG_EXTENDED | REG_NOSUB)) {
        fprintf(stderr, "onnx-cases: --only '%s' is not a regular expression\n", a->only);
        return 2;
    }
    FILE *report = a->report ? fopen(a->report, "w") : NULL;
    if (a->report && !report) {
        perror(a->report);
        return 2;
    }
    if (report) fputc('[', report);
    for (size_t i = 0; i < cases->n; i++) {
        case_result r = {.kind = CASE_APART};
        const char *name = name_of(cases->v[i]);
        if (a->only && regexec(&only, name, 0, NULL, 0)) continue;
        if (is_apart(name))
            snprintf(r.why, sizeof r.why, "training or random");
        else if (a->no_fork)
            run_here(&r, cases->v[i], a);
        else
            run_child(&r, cases->v[i], a);
        counts[r.kind]++;
        if (!a->quiet && r.kind != CASE_PASS && r.kind != CASE_APART)
            printf("%-8s %s: %s\n", kind_names[r.kind], name, r.why);
        if (a->where && a->device)
            printf("%-8s %s: %u steps on the device, %u on the CPU%s%s\n", "where", name,
                   r.on_device, r.on_cpu, r.declined[0] ? "; " : "", r.declined);
        if (report) put_report(report, name, &r, n++ == 0);
    }
    if (report) fputs("\n]\n", report), fclose(report);
    if (a->only) regfree(&only);
    return sum_up(counts, a->min);
}

static bool option(arguments *a, int argc, char **argv, int *i)
{
    const char *text = argv[*i], *value = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!strcmp(text, "--quiet"))
        a->quiet = true;
    else if (!strcmp(text, "--passes"))
        a->passes = true;
    else if (!strcmp(text, "--fixed"))
        a->fixed = true;
    else if (!strcmp(text, "--types"))
        a->types = true;
    else if (!strcmp(text, "--where"))
        a->where = true;
    else if (!strcmp(text, "--no-fork"))
        a->no_fork = true;
    else if (!value)
        return false;
    else if (!strcmp(text, "--only"))
        a->only = value, ++*i;
    else if (!strcmp(text, "--device"))
        a->device = value, ++*i;
    else if (!strcmp(text, "--report"))
        a->report = value, ++*i;
    else if (!strcmp(text, "--min"))
        a->min = strtod(value, NULL), ++*i;
    else if (!strcmp(text, "--threads"))
        a->threads = strtoul(value, NULL, 10), ++*i;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    arguments a = {.min = 1};
    paths cases = {0};
    bool ok = true;
    for (int i = 1; ok && i < argc; i++) {
        if (argv[i][0] == '-')
            ok = option(&a, argc, argv, &i);
        else
            find_cases(&cases, argv[i]);
    }
    if (!ok || argc < 2) {
        fputs("usage: onnx-cases [--only RE] [--report F] [--quiet] [--passes] [--min R] "
              "[--threads N] [--no-fork] DIR...\n",
              stderr);
        return 2;
    }
    if (cases.n) qsort(cases.v, cases.n, sizeof *cases.v, by_name);
    const int status = run_all(&a, &cases);
    for (size_t i = 0; i < cases.n; i++) free(cases.v[i]);
    free(cases.v);
    return status;
}
