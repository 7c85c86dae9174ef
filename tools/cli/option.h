/* option.h - a subcommand described as data: one table drives parsing, --help, the man page and the
 * shells' completions. */
#ifndef IG_OPTION_H
#define IG_OPTION_H

#include "runtime/base/status.h"

typedef enum {
    IG_OPT_FLAG,   /* bool */
    IG_OPT_TEXT,   /* const char *; borrowed from argv */
    IG_OPT_FILE,   /* the same; completed with file names */
    IG_OPT_INT,    /* int64_t within [low, high] */
    IG_OPT_SIZE,   /* uint64_t bytes: 4096, 64K, 1.5G (powers of 1024) */
    IG_OPT_FLOAT,  /* double within [low, high] */
    IG_OPT_CHOICE, /* int: index into choices */
    IG_OPT_LIST,   /* ig_words: may be given again and again */
} ig_option_kind;

/* Texts of an operand or option that can be given several times; items point into argv. */
typedef struct {
    const char **items;
    size_t n;
} ig_words;

typedef struct {
    const char *name; /* long name without dashes */
    const char *arg;  /* what the value is called; NULL for flags */
    const char *help; /* a phrase, no full stop */
    size_t offset;    /* of the field in the command's arguments */
    ig_option_kind kind;
    char letter;                /* short name, or 0 */
    bool required;              /* must be given */
    double low, high;           /* bounds of numbers; both 0: none */
    const char *const *choices; /* NULL-terminated */
} ig_option;

/* An operand: an argument by place. Required unless `optional`; `many` takes all that are left,
 * into an ig_words, else the field is a const char *. */
typedef struct {
    const char *name; /* as usage shows it: MODEL */
    const char *help;
    size_t offset;
    bool optional, many;
} ig_operand;

typedef struct {
    const char *line; /* a whole command line */
    const char *does; /* a phrase */
} ig_example;

typedef struct ig_cli ig_cli;

typedef struct ig_command {
    const char *name;
    const char *summary; /* one line, no full stop */
    const char *about;   /* paragraphs, separated by blank lines; NULL: the summary is enough */
    const ig_operand *operands;
    size_t n_operands;
    const ig_option *options;
    size_t n_options;
    const ig_example *examples;
    size_t n_examples;
    size_t args_bytes;    /* of the struct that `run` gets */
    const void *defaults; /* what it holds before parsing; NULL: zeros */
    ingot_status (*run)(ig_cli *cli, const void *args, ingot_error *err);
} ig_command;

/* The table macros: .options = IG_TABLE(options, n) keeps pointer and count together. */
#define IG_COMMAND_OPTIONS(table) .options = (table), .n_options = sizeof(table) / sizeof *(table)
#define IG_COMMAND_OPERANDS(table) \
    .operands = (table), .n_operands = sizeof(table) / sizeof *(table)
#define IG_COMMAND_EXAMPLES(table) \
    .examples = (table), .n_examples = sizeof(table) / sizeof *(table)
#define IG_COMMAND_ARGS(type, initial) .args_bytes = sizeof(type), .defaults = (initial)

/* Options that many commands share. */
#define IG_OPTION_JSON(type)                                                          \
    {                                                                                 \
        .name = "json", .help = "print JSON instead of a table", .kind = IG_OPT_FLAG, \
        .offset = offsetof(type, json)                                                \
    }
#define IG_OPTION_QUIET(type)                                                   \
    {                                                                           \
        .name = "quiet", .letter = 'q', .help = "no progress bar and no notes", \
        .kind = IG_OPT_FLAG, .offset = offsetof(type, quiet)                    \
    }

/* ig_args_parse - fill `args` (args_bytes long) from the words behind the subcommand's name. Sets
 * *help for -h and --help, and reads no further then. The pool is where lists of texts live; it has
 * room for 2 * argc pointers. Errors: E_ARG; the text names the option and, for an unknown one, the
 * nearest name. */
ingot_status ig_args_parse(void *args, bool *help, const ig_command *command, int argc, char **argv,
                           const char **pool, ingot_error *err);

/* ig_size_parse - 4096, 64K, 1.5G in powers of 1024; false: not a size, or 2^63 and more. */
bool ig_size_parse(uint64_t *bytes, const char *text);

/* ig_option_takes_value - false for flags. */
bool ig_option_takes_value(const ig_option *o);

/* ig_option_default - the default as text for help, "" for none. Returns text. */
const char *ig_option_default(char *text, size_t room, const ig_command *command,
                              const ig_option *o);

/* ig_nearest - the candidate closest to word by edits (at most a third of its letters, transposed
 * neighbours count once), or NULL. next(ud, i) gives candidate i, NULL at the end. */
const char *ig_nearest(const char *word, const char *(*next)(const void *ud, size_t i),
                       const void *ud);

#endif
