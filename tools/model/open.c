/* open.c - see open.h. */
#include "tools/model/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fraction has a point and no unit, and is at most 1. */
static bool is_fraction(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && strchr(text, '.') && *value <= 1;
}

/* Whole bytes, or a number with a unit: 1.5 alone is neither these nor a fraction. */
static bool is_size(const char *text, size_t *bytes)
{
    uint64_t n;
    const size_t digits = strspn(text, "0123456789.");
    if ((!text[digits] && strchr(text, '.')) || !ig_size_parse(&n, text) || !n) return false;
    *bytes = (size_t)n;
    return true;
}

/* A name, or several with commas between. */
static ingot_status check_names(const char *list, ingot_error *err)
{
    ig_device_kind kind;
    int ordinal;
    for (const char *at = list;; at++) {
        char one[64];
        const size_t length = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        if (!length && *list)
            return ig_fail(err, INGOT_E_ARG, "--device '%.60s': a name is missing", list);
        IG_TRY(ig_device_name(&kind, &ordinal, one, err));
        at += length;
        if (!*at) return INGOT_OK;
    }
}

const char *const ig_maths[] = {"exact", "fast", NULL};

ingot_status ig_device_given(ingot_session_options *o, const ig_device_args *a, ingot_error *err)
{
    o->device = a->name ? a->name : "auto";
    IG_TRY(check_names(o->device, err));
    if (!a->memory) return INGOT_OK;
    if (is_fraction(a->memory, &o->device_fraction)) {
        if (o->device_fraction > 0) return INGOT_OK;
    } else if (is_size(a->memory, &o->device_bytes)) {
        o->device_fraction = 0;
        return INGOT_OK;
    }
    return ig_fail(err, INGOT_E_ARG,
                   "--gpu-mem '%.60s': neither bytes (8G) nor a fraction above 0 and up to 1 (0.5)",
                   a->memory);
}

ingot_status ig_model_failed(ig_cli *cli, ingot_status s)
{
    const bool resources = s == INGOT_E_NOMEM || s == INGOT_E_FULL || s == INGOT_E_DEVICE;
    if (s) cli->exit_code = resources ? IG_EXIT_RESOURCES : IG_EXIT_MODEL;
    return s;
}

ingot_status ig_open_model(ig_opened *o, ig_cli *cli, const char *path,
                           const ig_open_options *options, ingot_error *err)
{
    const ingot_runtime_options runtime = {
        .size = sizeof runtime,
        .n_threads = (size_t)options->threads,
        .log_level = options->quiet ? INGOT_LOG_ERROR : INGOT_LOG_WARN,
        .guard_maps = true,
    };
    const ingot_model_options model = {.size = sizeof model,
                                       .check_digests = options->check_digests};
    *o = (ig_opened){0};
    IG_TRY(ingot_runtime_open(&o->rt, &runtime, err));
    const ingot_status s =
        ig_model_failed(cli, ingot_model_open(&o->model, o->rt, path, &model, err));
    if (s) ig_close_model(o);
    return s;
}

void ig_close_model(ig_opened *o)
{
    if (o->model) ingot_model_close(&o->model);
    if (o->rt) ingot_runtime_close(&o->rt);
}

ingot_status ig_model_computes(ig_cli *cli, const ig_opened *o, const char *path, ingot_error *err)
{
    if (ingot_model_n_outputs(o->model)) return INGOT_OK;
    return ig_model_failed(
        cli, ig_fail(err, INGOT_E_UNSUPPORTED,
                     "%s: computes nothing, it holds only a tokenizer (see ingot tokenize)", path));
}
