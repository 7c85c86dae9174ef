/* help.c - `ingot -h` and `ingot CMD -h`, from the tables. */
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/text.h"

#include <stdlib.h>
#include <string.h>

enum { NARROWEST = 60, WIDEST = 100, PLAIN = 80, LABEL = 26 };

static size_t width(void)
{
    const char *columns = getenv("COLUMNS");
    const long n = columns ? strtol(columns, NULL, 10) : 0;
    return n <= 0 ? PLAIN : (size_t)IG_MIN(IG_MAX(n, NARROWEST), WIDEST);
}

void ig_usage_print(FILE *to, const ig_command *c)
{
    if (!c) {
        fputs("ingot COMMAND [arguments]", to);
        return;
    }
    fprintf(to, "ingot %s", c->name);
    for (size_t i = 0; i < c->n_operands; i++) {
        const ig_operand *o = &c->operands[i];
        fprintf(to, o->optional ? " [%s%s]" : " %s%s", o->name, o->many ? "..." : "");
    }
    for (size_t i = 0; i < c->n_options; i++) {
        const ig_option *o = &c->options[i];
        if (!o->required) continue;
        if (o->letter)
            fprintf(to, " -%c %s", o->letter, o->arg);
        else
            fprintf(to, " --%s %s", o->name, o->arg);
    }
    fputs(" [options]", to);
}

/* "  label     text", the text wrapped beside its label or below a long one. */
static void entry(FILE *to, const char *label, const char *text)
{
    fprintf(to, "  %-*s", LABEL - 2, label);
    if (ig_text_width(label) > LABEL - 4) fprintf(to, "\n%*s", LABEL, "");
    ig_text_wrap(to, text, LABEL, LABEL, width());
}

static void print_option(FILE *to, const ig_command *c, const ig_option *o)
{
    char label[96], text[700], value[64];
    size_t used;
    const char *lead = o->letter ? (char[]){'-', o->letter, ',', ' ', 0} : "    ";
    snprintf(label, sizeof label, "%s--%s%s%s", lead, o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
    used = (size_t)snprintf(text, sizeof text, "%s", o->help);
    for (size_t i = 0; o->kind == IG_OPT_CHOICE && o->choices[i] && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : ": ",
                                 o->choices[i]);
    if (*ig_option_default(value, sizeof value, c, o) && used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, " (default %s)", value);
    if (o->kind == IG_OPT_LIST && used < sizeof text)
        snprintf(text + used, sizeof text - used, " (can be given again)");
    entry(to, label, text);
}

static void help_of_all(FILE *to)
{
    fputs("usage: ", to);
    ig_usage_print(to, NULL);
    fputs("\n\n", to);
    ig_text_wrap(to, ig_about, 0, 0, width());
    fputs("\ncommands:\n", to);
    for (size_t i = 0; ig_commands[i]; i++)
        entry(to, ig_commands[i]->name, ig_commands[i]->summary);
    entry(to, "help [COMMAND]", "this page, or that of a command");
    fputs("\noptions:\n", to);
    entry(to, "-h, --help", "this page");
    entry(to, "    --version", "the version, and no more");
    fputs("\nexit codes:\n", to);
    for (size_t i = 0; ig_exit_texts[i][0]; i++)
        entry(to, ig_exit_texts[i][0], ig_exit_texts[i][1]);
}

void ig_help_print(FILE *to, const ig_command *c)
{
    if (!c) {
        help_of_all(to);
        return;
    }
    fputs("usage: ", to);
    ig_usage_print(to, c);
    fputs("\n\n", to);
    ig_text_wrap(to, c->about ? c->about : c->summary, 0, 0, width());
    if (c->n_operands) fputs("\narguments:\n", to);
    for (size_t i = 0; i < c->n_operands; i++) entry(to, c->operands[i].name, c->operands[i].help);
    fputs("\noptions:\n", to);
    for (size_t i = 0; i < c->n_options; i++) print_option(to, c, &c->options[i]);
    entry(to, "-h, --help", "this page");
    if (c->n_examples) fputs("\nexamples:\n", to);
    for (size_t i = 0; i < c->n_examples; i++) {
        fprintf(to, "  %s\n      ", c->examples[i].line);
        ig_text_wrap(to, c->examples[i].does, 6, 6, width());
    }
}
