/* open.c - see open.h. */
#include "tools/model/open.h"

const char *const ig_devices[] = {"auto", "cpu", NULL};

ingot_status ig_model_failed(ig_cli *cli, ingot_status s)
{
    const bool memory = s == INGOT_E_NOMEM || s == INGOT_E_FULL;
    if (s) cli->exit_code = memory ? IG_EXIT_RESOURCES : IG_EXIT_MODEL;
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
