/* run.c - from argv to an exit code: the only place that prints errors. */
#include "tools/cli/cli.h"
#include "tools/cli/interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *next_command(const void *ud, size_t i)
{
    (void)ud;
    return ig_commands[i] ? ig_commands[i]->name : NULL;
}

static ingot_status unknown_command(const char *name, ingot_error *err)
{
    const char *near = ig_nearest(name, next_command, NULL);
    if (near)
        return ig_fail(err, INGOT_E_ARG, "%s: unknown subcommand (did you mean %s?)", name, near);
    return ig_fail(err, INGOT_E_ARG, "%s: unknown subcommand (ingot help lists them)", name);
}

static ingot_status help(int argc, char **argv, ingot_error *err)
{
    const ig_command *c = NULL;
    if (argc > 1) return ig_fail(err, INGOT_E_ARG, "help: it takes one subcommand's name");
    if (argc == 1 && !(c = ig_command_find(argv[0]))) return unknown_command(argv[0], err);
    ig_help_print(stdout, c);
    return INGOT_OK;
}

/* __man NAME and __completion SHELL: what the build installs. */
static ingot_status generate(int argc, char **argv, ingot_error *err)
{
    const char *what = argc == 2 ? argv[1] : "";
    const ig_command *c = ig_command_find(what);
    if (!strcmp(argv[0], "__man") && (c || !strcmp(what, "ingot")))
        ig_man_print(stdout, c);
    else if (!strcmp(argv[0], "__completion") && !strcmp(what, "bash"))
        ig_completion_bash(stdout, ig_commands);
    else if (!strcmp(argv[0], "__completion") && !strcmp(what, "zsh"))
        ig_completion_zsh(stdout, ig_commands);
    else
        return ig_fail(err, INGOT_E_ARG, "%s: it takes %s", argv[0],
                       argv[0][2] == 'm' ? "a subcommand's name, or ingot" : "bash or zsh");
    return INGOT_OK;
}

static ingot_status run(ig_cli *cli, const ig_command *c, int argc, char **argv, ingot_error *err)
{
    bool wants_help;
    void *args = calloc(1, c->args_bytes + 1);
    const char **pool = calloc((size_t)argc + 1, 2 * sizeof *pool);
    ingot_status s = args && pool ? ig_args_parse(args, &wants_help, c, argc, argv, pool, err)
                                  : ig_fail(err, INGOT_E_NOMEM, "%s: %d arguments", c->name, argc);
    if (!s && wants_help)
        ig_help_print(stdout, c);
    else if (!s)
        s = c->run(cli, args, err);
    free(pool);
    free(args);
    return s;
}

static ingot_status choose(ig_cli *cli, int argc, char **argv, ingot_error *err)
{
    const char *word = argv[1];
    const ig_command *c = ig_command_find(word);
    if (c) return run(cli, c, argc - 2, argv + 2, err);
    if (!strcmp(word, "--version")) {
        printf("ingot %s\n", ingot_version());
        return INGOT_OK;
    }
    if (!strcmp(word, "-h") || !strcmp(word, "--help")) return help(0, NULL, err);
    if (!strcmp(word, "help")) return help(argc - 2, argv + 2, err);
    if (!strncmp(word, "__", 2)) return generate(argc - 1, argv + 1, err);
    if (word[0] == '-')
        return ig_fail(err, INGOT_E_ARG, "%s: unknown option (ingot -h says more)", word);
    return unknown_command(word, err);
}

int ig_cli_main(int argc, char **argv)
{
    ig_cli cli = {.exit_code = 0};
    ingot_error err = {.status = INGOT_OK};
    ig_heap_init(&cli.heap, NULL);
    ig_interrupt_install();
    if (argc < 2) {
        ig_help_print(stderr, NULL);
        return IG_EXIT_USAGE;
    }
    ingot_status s = choose(&cli, argc, argv, &err);
    if (!s && (fflush(stdout) || ferror(stdout))) /* a full disk behind a redirection */
        s = ig_fail(&err, INGOT_E_IO, "standard output: %s", strerror(errno));
    if (!s) return cli.exit_code;
    fprintf(stderr, "ingot: %s%s\n", *err.text ? err.text : ingot_status_text(s),
            s == INGOT_E_DEVICE ? " (--device auto or cpu does without it)" : "");
    return cli.exit_code ? cli.exit_code : ig_exit_code(s);
}
