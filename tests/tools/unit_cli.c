/* unit_cli.c - command lines are parsed from a table, mistakes get a helpful error, and help, pages
 * and completions say what the table says. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/progress.h"
#include "tools/cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ingot_error err;

typedef struct {
    const char *model, *output;
    ig_words rest, inputs, kept;
    int64_t threads;
    uint64_t cache;
    double drop;
    int device;
    bool json, quiet, verbose;
} args;

static const char *const devices[] = {"auto", "cpu", "cuda", NULL};
static const ig_option options[] = {
    {.name = "output",
     .letter = 'o',
     .arg = "FILE",
     .kind = IG_OPT_FILE,
     .required = true,
     .help = "where it goes",
     .offset = offsetof(args, output)},
    {.name = "input",
     .letter = 'i',
     .arg = "NAME=FILE",
     .kind = IG_OPT_LIST,
     .help = "an input's [x]",
     .offset = offsetof(args, inputs)},
    {.name = "keep",
     .letter = 'k',
     .arg = "COL",
     .kind = IG_OPT_LIST,
     .help = "a column",
     .offset = offsetof(args, kept)},
    {.name = "threads",
     .arg = "N",
     .kind = IG_OPT_INT,
     .low = 0,
     .high = 1024,
     .help = "so many threads; 0: all",
     .offset = offsetof(args, threads)},
    {.name = "cache",
     .arg = "BYTES",
     .kind = IG_OPT_SIZE,
     .help = "it's a limit",
     .offset = offsetof(args, cache)},
    {.name = "max-drop",
     .arg = "X",
     .kind = IG_OPT_FLOAT,
     .low = 0,
     .high = 1,
     .help = "loss allowed",
     .offset = offsetof(args, drop)},
    {.name = "device",
     .arg = "WHERE",
     .kind = IG_OPT_CHOICE,
     .choices = devices,
     .help = "where to run",
     .offset = offsetof(args, device)},
    {.name = "verbose",
     .letter = 'v',
     .kind = IG_OPT_FLAG,
     .help = "say more",
     .offset = offsetof(args, verbose)},
    IG_OPTION_JSON(args),
    IG_OPTION_QUIET(args),
};
static const ig_operand operands[] = {
    {.name = "MODEL", .help = "the model's file", .offset = offsetof(args, model)},
    {.name = "REST",
     .help = "more",
     .optional = true,
     .many = true,
     .offset = offsetof(args, rest)},
};
static const ig_example examples[] = {{"ingot try m -o x", "try m"}};
static const args defaults = {.threads = 2, .device = 1, .drop = 0.02, .cache = 65536};
static const ig_command command = {
    .name = "try",
    .summary = "try the parser",
    .about = "First part.\n\n.Second part - with a dash.",
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, &defaults),
};

enum { MOST = 24 };
static const char *pool[2 * MOST];

/* Splits at spaces; a word "~" stands for an empty one. */
static ingot_status parse(args *a, bool *help, const char *line)
{
    static char copy[400];
    char *argv[MOST];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "~") ? w : w + 1;
    return ig_args_parse(a, help, &command, argc, argv, pool, &err);
}

static void a_full_line_is_parsed(void **state)
{
    (void)state;
    args a;
    bool help;
    check_ok(parse(&a, &help,
                   "m.ingot -i a=1 --keep x -o out b --input=b=2 -kz c --threads 7 -vq --json "
                   "--cache=1.5K --max-drop 2% --device cuda -ic=3 -- -d --json"));
    assert_false(help);
    assert_string_equal(a.model, "m.ingot");
    assert_string_equal(a.output, "out");
    assert_int_equal(a.rest.n, 4);
    assert_string_equal(a.rest.items[0], "b");
    assert_string_equal(a.rest.items[3], "--json");
    assert_int_equal(a.inputs.n, 3);
    assert_string_equal(a.inputs.items[0], "a=1");
    assert_string_equal(a.inputs.items[1], "b=2");
    assert_string_equal(a.inputs.items[2], "c=3");
    assert_int_equal(a.kept.n, 2);
    assert_string_equal(a.kept.items[0], "x");
    assert_string_equal(a.kept.items[1], "z");
    assert_int_equal(a.threads, 7);
    assert_int_equal(a.cache, 1536);
    assert_true(a.drop == 0.02);
    assert_int_equal(a.device, 2);
    assert_true(a.json && a.quiet && a.verbose);
}

static void defaults_stay_and_help_stops(void **state)
{
    (void)state;
    args a;
    bool help;
    check_ok(parse(&a, &help, "- -o x"));
    assert_string_equal(a.model, "-");
    assert_int_equal(a.threads, 2);
    assert_int_equal(a.device, 1);
    assert_int_equal(a.rest.n, 0);
    assert_int_equal(a.inputs.n, 0);
    assert_false(a.json);
    check_ok(parse(&a, &help, "-vh --nonsense"));
    assert_true(help);
    check_ok(parse(&a, &help, "--help --nonsense"));
    assert_true(help);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"", "MODEL is missing: the model's file"},
        {"m", "--output FILE is missing"},
        {"m -o", "--output needs a value (FILE)"},
        {"m -o x --outptu y", "unknown option --outptu (did you mean --output?)"},
        {"m -o x --theads=3", "did you mean --threads?"},
        {"m -o x --hlep", "did you mean --help?"},
        {"m -o x --zzzzzzz", "unknown option --zzzzzzz (ingot try -h"},
        {"m -o x -z", "unknown option -z"},
        {"m -o x -vz", "unknown option -z"},
        {"m -o x --threads two", "'two': not a whole number"},
        {"m -o x --threads 2.5", "not a whole number"},
        {"m -o x --threads ~", "not a whole number"},
        {"m -o x --threads -1", "must be from 0 to 1024"},
        {"m -o x --threads 99999999999999999999", "too large"},
        {"m -o x --cache 5X", "not a size"},
        {"m -o x --cache -1", "not a size"},
        {"m -o x --cache nan", "not a size"},
        {"m -o x --cache 99999999T", "too large a size"},
        {"m -o x --max-drop inf", "not a number"},
        {"m -o x --max-drop 1.5", "from 0 to 1"},
        {"m -o x --device gpu", "it takes auto, cpu, cuda"},
        {"m -o x --device cdua", "did you mean cuda?"},
        {"m -o x --json=yes", "takes no value"},
    };
    args a;
    bool help;
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        assert_int_equal(parse(&a, &help, bad[i].line), INGOT_E_ARG);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s\n  does not say: %s", err.text, bad[i].says);
        assert_ptr_equal(strstr(err.text, "try: "), err.text);
    }
}

static const char *next_word(const void *ud, size_t i) { return ((const char *const *)ud)[i]; }

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    static const char *const words[] = {"convert", "compare", "run", "doctor", NULL};
    assert_string_equal(ig_nearest("convret", next_word, words), "convert");
    assert_string_equal(ig_nearest("compar", next_word, words), "compare");
    assert_string_equal(ig_nearest("rnu", next_word, words), "run");
    assert_string_equal(ig_nearest("docter", next_word, words), "doctor");
    assert_null(ig_nearest("xyz", next_word, words));
    assert_null(ig_nearest("nonsense", next_word, words));
    assert_null(ig_nearest("a-word-that-is-far-too-long-for-any-name-there-is", next_word, words));
}

static void statuses_have_the_contracts_codes(void **state)
{
    (void)state;
    static const int want[][2] = {
        {INGOT_OK, 0},       {INGOT_E_ARG, 2},     {INGOT_E_NOMEM, 5},
        {INGOT_E_IO, 1},     {INGOT_E_FORMAT, 3},  {INGOT_E_UNSUPPORTED, 3},
        {INGOT_E_DATA, 4},   {INGOT_E_FULL, 5},    {INGOT_E_CANCELLED, 130},
        {INGOT_E_DEVICE, 5}, {INGOT_E_INTERNAL, 1}};
    for (size_t i = 0; i < IG_LEN(want); i++)
        assert_int_equal(ig_exit_code((ingot_status)want[i][0]), want[i][1]);
}

typedef struct {
    char *text;
    size_t n;
} memory;

static char *written(memory *m, FILE *f)
{
    fclose(f);
    return m->text;
}

static void help_and_page_show_the_table(void **state)
{
    (void)state;
    static const char *const in_help[] = {"usage: ingot try MODEL [REST...] -o FILE [options]\n",
                                          "-o, --output FILE",
                                          "      --threads N",
                                          "(default 2)",
                                          "auto, cpu, cuda (default cpu)",
                                          "(can be given again)",
                                          "(default 65536)",
                                          "-q, --quiet",
                                          "  ingot try m -o x\n      try m\n"};
    static const char *const in_page[] = {".TH INGOT-TRY 1",
                                          "ingot\\-try \\- try the parser",
                                          ".PP\n\\&.Second part \\- with a dash.",
                                          "\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fIFILE\\fR",
                                          "(default 2)",
                                          ".SH EXIT STATUS",
                                          "130"};
    memory m;
    FILE *f = open_memstream(&m.text, &m.n);
    ig_help_print(f, &command);
    char *text = written(&m, f);
    for (size_t i = 0; i < IG_LEN(in_help); i++)
        if (!strstr(text, in_help[i])) fail_msg("no \"%s\" in\n%s", in_help[i], text);
    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        assert_in_range(end - line, 0, 100);
    free(text);
    f = open_memstream(&m.text, &m.n);
    ig_man_print(f, &command);
    text = written(&m, f);
    for (size_t i = 0; i < IG_LEN(in_page); i++)
        if (!strstr(text, in_page[i])) fail_msg("no \"%s\" in\n%s", in_page[i], text);
    free(text);
}

/* The shells themselves read the scripts; in bash, options, choices and files are completed. */
static void completions_work_in_the_shells(void **state)
{
    (void)state;
    static const ig_command *const commands[] = {&command, NULL};
    static const char bash_script[] =
        "c() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _ingot; echo \"${COMPREPLY[*]}\"; }\n"
        "[ \"$(c ingot t)\" = try ] || exit 1\n"
        "[ \"$(c ingot try --thr)\" = --threads ] || exit 2\n"
        "[ \"$(c ingot try --device c)\" = 'cpu cuda' ] || exit 3\n"
        "[ \"$(c ingot try -o CMakeL)\" = CMakeLists.txt ] || exit 4\n"
        "[ \"$(c ingot try --threads C)\" = '' ] || exit 5\n"
        "[ \"$(c ingot try CMakeL)\" = CMakeLists.txt ] || exit 6\n";
    FILE *f = popen("bash", "w");
    ig_completion_bash(f, commands);
    fputs(bash_script, f);
    assert_int_equal(pclose(f) >> 8, 0);
    memory m;
    f = open_memstream(&m.text, &m.n);
    ig_completion_zsh(f, commands);
    char *text = written(&m, f);
    assert_non_null(strstr(text, "'*'{-i,--input}'[an input'\\''s \\[x\\]]:NAME=FILE:' \\\n"));
    assert_non_null(strstr(text, "'(-o --output)'{-o,--output}'[where it goes]:FILE:_files' \\\n"));
    assert_non_null(strstr(text, "'--device[where to run]:WHERE:(auto cpu cuda)' \\\n"));
    if (!system("command -v zsh >/dev/null")) {
        f = popen("zsh -n", "w");
        fputs(text, f);
        assert_int_equal(pclose(f), 0);
    }
    free(text);
}

static void numbers_read_well(void **state)
{
    (void)state;
    char t[32];
    assert_string_equal(ig_format_bytes(t, sizeof t, 0), "0 B");
    assert_string_equal(ig_format_bytes(t, sizeof t, 1023), "1023 B");
    assert_string_equal(ig_format_bytes(t, sizeof t, 1536), "1.50 KiB");
    assert_string_equal(ig_format_bytes(t, sizeof t, 1048575), "1.00 MiB");
    assert_string_equal(ig_format_bytes(t, sizeof t, UINT64_MAX), "16.0 EiB");
    assert_string_equal(ig_format_time(t, sizeof t, 0), "0.00 ns");
    assert_string_equal(ig_format_time(t, sizeof t, 1.234e-3), "1.23 ms");
    assert_string_equal(ig_format_time(t, sizeof t, 0.9996), "1.00 s");
    assert_string_equal(ig_format_time(t, sizeof t, 125), "2 min 5 s");
    assert_string_equal(ig_format_time(t, sizeof t, 7260), "2 h 1 min");
    assert_string_equal(ig_format_count(t, sizeof t, 999), "999");
    assert_string_equal(ig_format_count(t, sizeof t, 1234567), "1,234,567");
    assert_string_equal(ig_format_count(t, sizeof t, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(ig_format_rate(t, sizeof t, 12.34e9, "B"), "12.3 GB/s");
    assert_string_equal(ig_format_rate(t, sizeof t, 999.6, "row"), "1.00 krow/s");
}

static void tables_line_up(void **state)
{
    (void)state;
    memory m;
    ig_table t;
    FILE *f = open_memstream(&m.text, &m.n);
    ig_table_init(&t, 3, 1u << 1);
    for (int i = 0; i < 40; i++) { /* more cells than the table begins with */
        ig_table_cell(&t, i % 2 ? "é" : "name");
        ig_table_cell(&t, "%d", i * 100);
        ig_table_cell(&t, "end");
    }
    check_ok(ig_table_print(&t, f, &err));
    ig_table_clear(&t);
    char *text = written(&m, f);
    assert_ptr_equal(strstr(text, "name     0  end\né      100  end\nname   200  end\n"), text);
    free(text);
}

static void paragraphs_wrap(void **state)
{
    (void)state;
    memory m;
    FILE *f = open_memstream(&m.text, &m.n);
    ig_text_wrap(f, "one two three four\n\nfive", 0, 2, 9);
    char *text = written(&m, f);
    assert_string_equal(text, "one two\n  three\n  four\n\n  five\n");
    free(text);
}

int main(void)
{
    unsetenv("COLUMNS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_line_is_parsed),
        cmocka_unit_test(defaults_stay_and_help_stops),
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(statuses_have_the_contracts_codes),
        cmocka_unit_test(help_and_page_show_the_table),
        cmocka_unit_test(completions_work_in_the_shells),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(tables_line_up),
        cmocka_unit_test(paragraphs_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
