/* cli.h - the frame of the `ingot` command: what every subcommand gets, and how it ends. */
#ifndef IG_CLI_H
#define IG_CLI_H

#include <stdio.h>
#include "runtime/base/alloc.h"
#include "tools/cli/option.h"

struct ig_cli {
    ig_heap heap;
    int exit_code; /* a command that knows better than ig_exit_code sets it; 0: by the status */
};

/* The contract's exit codes. */
enum {
    IG_EXIT_DONE = 0,
    IG_EXIT_FAILED = 1,
    IG_EXIT_USAGE = 2,
    IG_EXIT_MODEL = 3,
    IG_EXIT_DATA = 4,
    IG_EXIT_RESOURCES = 5,
    IG_EXIT_INTERRUPTED = 130,
};

int ig_exit_code(ingot_status status);

/* ig_cli_main - the whole command: choose, parse, run, report. Returns the exit code. */
int ig_cli_main(int argc, char **argv);

/* The subcommands of commands.def in its order; NULL at the end. */
extern const ig_command *const ig_commands[];
const ig_command *ig_command_find(const char *name); /* or NULL */

/* Texts made from the tables. command NULL: of `ingot` itself. */
void ig_help_print(FILE *to, const ig_command *command);
void ig_man_print(FILE *to, const ig_command *command);

/* Completion scripts for a NULL-terminated list of commands. */
void ig_completion_bash(FILE *to, const ig_command *const *commands);
void ig_completion_zsh(FILE *to, const ig_command *const *commands);

/* "usage: ..." without the word usage, for help and man. */
void ig_usage_print(FILE *to, const ig_command *command);

/* What `ingot` is and what its exit codes mean, for help and man. */
extern const char ig_about[];
extern const char *const ig_exit_texts[][2]; /* code, meaning; ends with NULLs */

#endif
