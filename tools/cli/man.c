/* man.c - manual pages in roff's man macros, from the tables. */
#include "tools/cli/cli.h"

#include <ctype.h>
#include <string.h>

/* Text where roff sees nothing special: dashes stay dashes, no line begins with a control. */
static void plain(FILE *to, const char *s)
{
    bool line_start = true;
    for (; *s; s++) {
        if (line_start && (*s == '.' || *s == '\'')) fputs("\\&", to);
        if (*s == '-')
            fputs("\\-", to);
        else if (*s == '\\')
            fputs("\\e", to);
        else if (*s == '\n' && s[1] == '\n')
            fputs("\n.PP", to);
        else
            fputc(*s, to);
        line_start = *s == '\n';
    }
}

static void heading(FILE *to, const char *name, const char *summary)
{
    fputs(".TH ", to);
    for (const char *s = name; *s; s++) fputc(toupper((unsigned char)*s), to);
    fprintf(to, " 1 \"\" \"Ingot %s\" \"Ingot Manual\"\n.SH NAME\n", ingot_version());
    plain(to, name);
    fputs(" \\- ", to);
    plain(to, summary);
    fputs("\n.SH SYNOPSIS\n.B ", to);
}

static void term(FILE *to, const char *label)
{
    fputs(".TP\n.B ", to);
    plain(to, label);
    fputc('\n', to);
}

static void option(FILE *to, const ig_command *c, const ig_option *o)
{
    char value[64];
    fputs(".TP\n", to);
    if (o->letter) fprintf(to, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", to);
    plain(to, o->name);
    fputs("\\fR", to);
    if (o->arg) {
        fputs(" \\fI", to);
        plain(to, o->arg);
        fputs("\\fR", to);
    }
    fputc('\n', to);
    plain(to, o->help);
    for (size_t i = 0; o->kind == IG_OPT_CHOICE && o->choices[i]; i++) {
        fputs(i ? ", " : ": ", to);
        plain(to, o->choices[i]);
    }
    if (*ig_option_default(value, sizeof value, c, o)) {
        fputs(" (default ", to);
        plain(to, value);
        fputc(')', to);
    }
    fputs(o->kind == IG_OPT_LIST ? " (can be given again).\n" : ".\n", to);
}

static void exit_status(FILE *to)
{
    fputs(".SH EXIT STATUS\n", to);
    for (size_t i = 0; ig_exit_texts[i][0]; i++) {
        term(to, ig_exit_texts[i][0]);
        plain(to, ig_exit_texts[i][1]);
        fputs(".\n", to);
    }
}

static void page_of_all(FILE *to)
{
    heading(to, "ingot", "convert, inspect and run trained models");
    plain(to, "ingot COMMAND [arguments]");
    fputs("\n.SH DESCRIPTION\n", to);
    plain(to, ig_about);
    fputs("\n.SH COMMANDS\n", to);
    for (size_t i = 0; ig_commands[i]; i++) {
        term(to, ig_commands[i]->name);
        plain(to, ig_commands[i]->summary);
        fprintf(to, "; see\n.BR ingot\\-%s (1).\n", ig_commands[i]->name);
    }
    exit_status(to);
}

void ig_man_print(FILE *to, const ig_command *c)
{
    char name[64];
    if (!c) {
        page_of_all(to);
        return;
    }
    snprintf(name, sizeof name, "ingot-%s", c->name);
    heading(to, name, c->summary);
    ig_usage_print(to, c);
    fputs("\n.SH DESCRIPTION\n", to);
    plain(to, c->about ? c->about : c->summary);
    fputs(c->about ? "\n" : ".\n", to);
    if (c->n_operands) fputs(".SH ARGUMENTS\n", to);
    for (size_t i = 0; i < c->n_operands; i++) {
        term(to, c->operands[i].name);
        plain(to, c->operands[i].help);
        fputs(".\n", to);
    }
    fputs(".SH OPTIONS\n", to);
    for (size_t i = 0; i < c->n_options; i++) option(to, c, &c->options[i]);
    fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nPrint a summary of this page.\n", to);
    exit_status(to);
    if (c->n_examples) fputs(".SH EXAMPLES\n", to);
    for (size_t i = 0; i < c->n_examples; i++) {
        term(to, c->examples[i].line);
        plain(to, c->examples[i].does);
        fputs(".\n", to);
    }
    fputs(".SH SEE ALSO\n.BR ingot (1)\n", to);
}
