/* completion.c - scripts that complete `ingot` in bash and zsh, from the tables. */
#include "tools/cli/cli.h"

#include <string.h>

/* ---- bash ---------------------------------------------------------------------------------- */

/* What may follow an option that takes a value. */
static void bash_values(FILE *to, const ig_option *o)
{
    if (!ig_option_takes_value(o)) return;
    fputs("            ", to);
    if (o->letter) fprintf(to, "-%c|", o->letter);
    fprintf(to, "--%s) ", o->name);
    if (o->kind == IG_OPT_CHOICE) {
        fputs("COMPREPLY=($(compgen -W \"", to);
        for (size_t i = 0; o->choices[i]; i++) fprintf(to, i ? " %s" : "%s", o->choices[i]);
        fputs("\" -- \"$cur\")); return ;;\n", to);
    } else if (o->kind == IG_OPT_FILE) {
        fputs("COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", to);
    } else {
        fputs("return ;;\n", to);
    }
}

static void bash_command(FILE *to, const ig_command *c)
{
    fprintf(to, "    %s)\n        case $prev in\n", c->name);
    for (size_t i = 0; i < c->n_options; i++) bash_values(to, &c->options[i]);
    fputs("        esac\n        words=\"-h --help", to);
    for (size_t i = 0; i < c->n_options; i++) {
        if (c->options[i].letter) fprintf(to, " -%c", c->options[i].letter);
        fprintf(to, " --%s", c->options[i].name);
    }
    fputs("\" ;;\n", to);
}

static void bash_names(FILE *to, const ig_command *const *commands)
{
    for (size_t i = 0; commands[i]; i++) fprintf(to, "%s ", commands[i]->name);
}

void ig_completion_bash(FILE *to, const ig_command *const *commands)
{
    fputs("# bash completion for ingot, made from its option tables\n"
          "_ingot()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
          "    COMPREPLY=()\n"
          "    if [[ $COMP_CWORD -eq 1 ]]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          to);
    bash_names(to, commands);
    fputs("help -h --help --version\" -- \"$cur\"))\n"
          "        return\n    fi\n"
          "    case ${COMP_WORDS[1]} in\n"
          "    help) COMPREPLY=($(compgen -W \"",
          to);
    bash_names(to, commands);
    fputs("\" -- \"$cur\")); return ;;\n", to);
    for (size_t i = 0; commands[i]; i++) bash_command(to, commands[i]);
    fputs("    esac\n"
          "    if [[ $cur == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "    else\n"
          "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
          "    fi\n}\n"
          "complete -o filenames -F _ingot ingot\n",
          to);
}

/* ---- zsh ----------------------------------------------------------------------------------- */

/* Inside single quotes and _arguments' brackets: quotes, brackets and colons are escaped. */
static void zsh_text(FILE *to, const char *s)
{
    for (; *s; s++) {
        if (*s == '\'')
            fputs("'\\''", to);
        else if (strchr("[]:\\", *s))
            fprintf(to, "\\%c", *s);
        else
            fputc(*s, to);
    }
}

static void zsh_option(FILE *to, const ig_option *o)
{
    const bool again = o->kind == IG_OPT_LIST;
    fputs("            '", to);
    if (o->letter && !again)
        fprintf(to, "(-%c --%s)'{-%c,--%s}'", o->letter, o->name, o->letter, o->name);
    else if (o->letter)
        fprintf(to, "*'{-%c,--%s}'", o->letter, o->name);
    else
        fprintf(to, "%s--%s", again ? "*" : "", o->name);
    fputc('[', to);
    zsh_text(to, o->help);
    fputc(']', to);
    if (ig_option_takes_value(o)) {
        fputc(':', to);
        zsh_text(to, o->arg);
        fputc(':', to);
        if (o->kind == IG_OPT_FILE) fputs("_files", to);
        if (o->kind == IG_OPT_CHOICE) {
            fputc('(', to);
            for (size_t i = 0; o->choices[i]; i++) fprintf(to, i ? " %s" : "%s", o->choices[i]);
            fputc(')', to);
        }
    }
    fputs("' \\\n", to);
}

static void zsh_names(FILE *to, const ig_command *const *commands)
{
    for (size_t i = 0; commands[i]; i++) {
        fprintf(to, "        '%s:", commands[i]->name);
        zsh_text(to, commands[i]->summary);
        fputs("'\n", to);
    }
}

void ig_completion_zsh(FILE *to, const ig_command *const *commands)
{
    fputs("#compdef ingot\n# zsh completion for ingot, made from its option tables\n"
          "_ingot()\n{\n"
          "    local -a commands\n"
          "    commands=(\n",
          to);
    zsh_names(to, commands);
    fputs("        'help:this page, or that of a command'\n    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        _arguments '--version[the version]' '--help[help]'\n"
          "        return\n    fi\n"
          "    local command=$words[2]\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $command in\n"
          "    help) _describe command commands ;;\n",
          to);
    for (size_t i = 0; commands[i]; i++) {
        const ig_command *c = commands[i];
        fprintf(to, "    %s)\n        _arguments -s \\\n", c->name);
        for (size_t k = 0; k < c->n_options; k++) zsh_option(to, &c->options[k]);
        fputs("            '(-h --help)'{-h,--help}'[help]' \\\n            '*:file:_files' ;;\n",
              to);
    }
    fputs("    esac\n}\n_ingot \"$@\"\n", to);
}
