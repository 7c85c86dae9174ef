/* parse.c - command lines into a command's arguments; see option.h.
 *
 * Options and operands mix freely, `--` ends the options, `-` alone is an operand. Values follow as
 * `--name value`, `--name=value`, `-n value` or `-nvalue`; flags can be bundled, -abc. */
#include "runtime/base/checked.h"
#include "tools/cli/option.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const ig_command *command;
    char *args;
    char **argv;
    int argc, at;
    const char **pool; /* operands from its front, option lists from its middle on */
    size_t n_operands, n_lists;
    uint64_t given; /* bit i: option i was there */
} parse;

enum { MOST_OPTIONS = 64 };

bool ig_option_takes_value(const ig_option *o) { return o->kind != IG_OPT_FLAG; }

static const char *next_option(const void *ud, size_t i)
{
    const ig_command *c = ud;
    return i < c->n_options ? c->options[i].name : i == c->n_options ? "help" : NULL;
}

static const char *next_choice(const void *ud, size_t i) { return ((const char *const *)ud)[i]; }

static ingot_status unknown(const parse *p, const char *name, size_t len, ingot_error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)IG_MIN(len, sizeof word - 1), name);
    const char *near = ig_nearest(word, next_option, p->command);
    if (near)
        return ig_fail(err, INGOT_E_ARG, "%s: unknown option --%s (did you mean --%s?)",
                       p->command->name, word, near);
    return ig_fail(err, INGOT_E_ARG, "%s: unknown option --%s (ingot %s -h lists them)",
                   p->command->name, word, p->command->name);
}

static ingot_status bad_value(const parse *p, const ig_option *o, const char *value,
                              const char *why, ingot_error *err)
{
    return ig_fail(err, INGOT_E_ARG, "%s: --%s '%s': %s", p->command->name, o->name, value, why);
}

static ingot_status check_bounds(const parse *p, const ig_option *o, const char *value, double v,
                                 ingot_error *err)
{
    char why[96];
    if ((o->low == 0 && o->high == 0) || (v >= o->low && v <= o->high)) return INGOT_OK;
    if (isinf(o->high))
        snprintf(why, sizeof why, "must be at least %.15g", o->low);
    else
        snprintf(why, sizeof why, "must be from %.15g to %.15g", o->low, o->high);
    return bad_value(p, o, value, why, err);
}

static ingot_status set_int(const parse *p, const ig_option *o, const char *value, ingot_error *err)
{
    char *end;
    errno = 0;
    const long long v = strtoll(value, &end, 10);
    if (end == value || *end) return bad_value(p, o, value, "not a whole number", err);
    if (errno) return bad_value(p, o, value, "too large a number", err);
    IG_TRY(check_bounds(p, o, value, (double)v, err));
    *(int64_t *)(void *)(p->args + o->offset) = v;
    return INGOT_OK;
}

static ingot_status set_float(const parse *p, const ig_option *o, const char *value,
                              ingot_error *err)
{
    char *end;
    double v = strtod(value, &end);
    if (end != value && *end == '%' && !end[1]) v /= 100, end++;
    if (end == value || *end || !isfinite(v)) return bad_value(p, o, value, "not a number", err);
    IG_TRY(check_bounds(p, o, value, v, err));
    *(double *)(void *)(p->args + o->offset) = v;
    return INGOT_OK;
}

/* The size, or -1: it is none. */
static double size_of(const char *value)
{
    static const char units[] = "KMGT";
    char *end;
    double v = strtod(value, &end);
    const char *unit = *end ? strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end) : NULL;
    if (unit) {
        v = ldexp(v, 10 * (int)(unit - units + 1));
        end++;
        if (end[0] == 'i' && end[1] == 'B') end += 2; /* KiB, as we print it */
    }
    if (*end == 'B') end++;
    return end == value || *end || !(v >= 0) ? -1 : v;
}

bool ig_size_parse(uint64_t *bytes, const char *text)
{
    const double v = size_of(text);
    if (!(v >= 0 && v < 0x1p63)) return false;
    *bytes = (uint64_t)v;
    return true;
}

static ingot_status set_size(const parse *p, const ig_option *o, const char *value,
                             ingot_error *err)
{
    const double v = size_of(value);
    if (v < 0) return bad_value(p, o, value, "not a size (4096, 64K, 1.5G)", err);
    if (v >= 0x1p63) return bad_value(p, o, value, "too large a size", err);
    IG_TRY(check_bounds(p, o, value, v, err));
    *(uint64_t *)(void *)(p->args + o->offset) = (uint64_t)v;
    return INGOT_OK;
}

static ingot_status set_choice(const parse *p, const ig_option *o, const char *value,
                               ingot_error *err)
{
    char all[300];
    size_t used = 0;
    for (int i = 0; o->choices[i]; i++) {
        if (!strcmp(o->choices[i], value)) {
            *(int *)(void *)(p->args + o->offset) = i;
            return INGOT_OK;
        }
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "",
                                     o->choices[i]);
    }
    const char *near = ig_nearest(value, next_choice, o->choices);
    if (near)
        return ig_fail(err, INGOT_E_ARG, "%s: --%s '%s': did you mean %s? (it takes %s)",
                       p->command->name, o->name, value, near, all);
    return ig_fail(err, INGOT_E_ARG, "%s: --%s '%s': it takes %s", p->command->name, o->name, value,
                   all);
}

/* The list's texts stay together: those of other lists behind it move up by one. */
static void append(parse *p, const ig_option *o, const char *value)
{
    const char **base = p->pool + p->argc;
    ig_words *list = (ig_words *)(void *)(p->args + o->offset);
    size_t place = p->n_lists;
    if (list->n) {
        place = (size_t)(list->items - base) + list->n;
        memmove(base + place + 1, base + place, (p->n_lists - place) * sizeof *base);
        for (size_t i = 0; i < p->command->n_options; i++) {
            const ig_option *other = &p->command->options[i];
            ig_words *l = (ig_words *)(void *)(p->args + other->offset);
            if (other->kind == IG_OPT_LIST && l->n && l->items >= base + place) l->items++;
        }
    } else {
        list->items = base + place;
    }
    base[place] = value;
    list->n++;
    p->n_lists++;
}

static ingot_status set_value(parse *p, const ig_option *o, const char *value, ingot_error *err)
{
    p->given |= (uint64_t)1 << (o - p->command->options);
    switch (o->kind) {
    case IG_OPT_FLAG:
        *(bool *)(p->args + o->offset) = true;
        return INGOT_OK;
    case IG_OPT_TEXT:
    case IG_OPT_FILE:
        *(const char **)(void *)(p->args + o->offset) = value;
        return INGOT_OK;
    case IG_OPT_INT:
        return set_int(p, o, value, err);
    case IG_OPT_SIZE:
        return set_size(p, o, value, err);
    case IG_OPT_FLOAT:
        return set_float(p, o, value, err);
    case IG_OPT_CHOICE:
        return set_choice(p, o, value, err);
    case IG_OPT_LIST:
        append(p, o, value);
        return INGOT_OK;
    }
    return INGOT_OK;
}

/* The value behind the option: what is attached, or the next word. */
static ingot_status take_value(const char **value, parse *p, const ig_option *o,
                               const char *attached, ingot_error *err)
{
    *value = attached;
    if (attached) return INGOT_OK;
    if (p->at + 1 >= p->argc)
        return ig_fail(err, INGOT_E_ARG, "%s: --%s needs a value (%s)", p->command->name, o->name,
                       o->arg);
    *value = p->argv[++p->at];
    return INGOT_OK;
}

static ingot_status long_option(bool *help, parse *p, const char *word, ingot_error *err)
{
    const char *equals = strchr(word, '='), *value;
    const size_t len = equals ? (size_t)(equals - word) : strlen(word);
    if (len == 4 && !memcmp(word, "help", 4)) {
        *help = true;
        return INGOT_OK;
    }
    for (size_t i = 0; i < p->command->n_options; i++) {
        const ig_option *o = &p->command->options[i];
        if (strlen(o->name) != len || memcmp(o->name, word, len) != 0) continue;
        if (!ig_option_takes_value(o)) {
            if (equals) return bad_value(p, o, equals + 1, "it takes no value", err);
            return set_value(p, o, NULL, err);
        }
        IG_TRY(take_value(&value, p, o, equals ? equals + 1 : NULL, err));
        return set_value(p, o, value, err);
    }
    return unknown(p, word, len, err);
}

static const ig_option *by_letter(const ig_command *c, char letter)
{
    for (size_t i = 0; i < c->n_options; i++)
        if (c->options[i].letter == letter) return &c->options[i];
    return NULL;
}

static ingot_status short_options(bool *help, parse *p, const char *letters, ingot_error *err)
{
    for (const char *l = letters; *l; l++) {
        const ig_option *o = by_letter(p->command, *l);
        const char *value;
        if (!o && *l == 'h') {
            *help = true;
            return INGOT_OK;
        }
        if (!o)
            return ig_fail(err, INGOT_E_ARG, "%s: unknown option -%c (ingot %s -h lists them)",
                           p->command->name, *l, p->command->name);
        if (ig_option_takes_value(o)) {
            IG_TRY(take_value(&value, p, o, l[1] ? l + 1 : NULL, err));
            return set_value(p, o, value, err);
        }
        IG_TRY(set_value(p, o, NULL, err));
    }
    return INGOT_OK;
}

static ingot_status place_operands(parse *p, ingot_error *err)
{
    const ig_command *c = p->command;
    size_t used = 0;
    for (size_t i = 0; i < c->n_operands; i++) {
        const ig_operand *o = &c->operands[i];
        const size_t n = o->many ? p->n_operands - used : IG_MIN(p->n_operands - used, (size_t)1);
        if (!n && !o->optional)
            return ig_fail(err, INGOT_E_ARG, "%s: %s is missing: %s (ingot %s -h says more)",
                           c->name, o->name, o->help, c->name);
        if (o->many)
            *(ig_words *)(void *)(p->args + o->offset) = (ig_words){p->pool + used, n};
        else if (n)
            *(const char **)(void *)(p->args + o->offset) = p->pool[used];
        used += n;
    }
    if (used < p->n_operands)
        return ig_fail(err, INGOT_E_ARG, "%s: '%s' is one argument too many (ingot %s -h)", c->name,
                       p->pool[used], c->name);
    for (size_t i = 0; i < c->n_options; i++)
        if (c->options[i].required && !(p->given >> i & 1))
            return ig_fail(err, INGOT_E_ARG, "%s: --%s %s is missing: %s", c->name,
                           c->options[i].name, c->options[i].arg, c->options[i].help);
    return INGOT_OK;
}

ingot_status ig_args_parse(void *args, bool *help, const ig_command *command, int argc, char **argv,
                           const char **pool, ingot_error *err)
{
    parse p = {.command = command, .args = args, .argv = argv, .argc = argc, .pool = pool};
    bool only_operands = false;
    *help = false;
    if (command->n_options > MOST_OPTIONS)
        return ig_fail(err, INGOT_E_INTERNAL, "%s: more than %d options", command->name,
                       MOST_OPTIONS);
    if (command->defaults)
        memcpy(args, command->defaults, command->args_bytes);
    else
        memset(args, 0, command->args_bytes);
    for (p.at = 0; p.at < argc; p.at++) {
        const char *word = argv[p.at];
        if (only_operands || word[0] != '-' || !word[1])
            pool[p.n_operands++] = word;
        else if (!strcmp(word, "--"))
            only_operands = true;
        else if (word[1] == '-')
            IG_TRY(long_option(help, &p, word + 2, err));
        else
            IG_TRY(short_options(help, &p, word + 1, err));
        if (*help) return INGOT_OK;
    }
    return place_operands(&p, err);
}

const char *ig_option_default(char *text, size_t room, const ig_command *command,
                              const ig_option *o)
{
    *text = 0;
    if (!command->defaults || o->required) return text;
    const char *field = (const char *)command->defaults + o->offset;
    switch (o->kind) {
    case IG_OPT_FLAG:
    case IG_OPT_LIST:
        break;
    case IG_OPT_TEXT:
    case IG_OPT_FILE: {
        const char *value = *(const char *const *)(const void *)field;
        if (value) snprintf(text, room, "%s", value);
        break;
    }
    case IG_OPT_INT:
        snprintf(text, room, "%lld", (long long)*(const int64_t *)(const void *)field);
        break;
    case IG_OPT_SIZE:
        snprintf(text, room, "%llu", (unsigned long long)*(const uint64_t *)(const void *)field);
        break;
    case IG_OPT_FLOAT:
        snprintf(text, room, "%g", *(const double *)(const void *)field);
        break;
    case IG_OPT_CHOICE: {
        const int i = *(const int *)(const void *)field;
        if (i >= 0) snprintf(text, room, "%s", o->choices[i]);
        break;
    }
    }
    return text;
}
