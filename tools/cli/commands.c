/* commands.c - the list of subcommands, and what is said about the command as a whole. */
#include "tools/cli/cli.h"

#include <string.h>

#define COMMAND(name) extern const ig_command ig_cmd_##name;
#include "tools/commands.def"
#undef COMMAND

const ig_command *const ig_commands[] = {
#define COMMAND(name) &ig_cmd_##name,
#include "tools/commands.def"
#undef COMMAND
    NULL,
};

const ig_command *ig_command_find(const char *name)
{
    for (size_t i = 0; ig_commands[i]; i++)
        if (!strcmp(ig_commands[i]->name, name)) return ig_commands[i];
    return NULL;
}

const char ig_about[] = "Ingot runs trained models: it converts them to one file format, tells "
                        "what they need, and runs "
                        "them on this machine's processors.";

const char *const ig_exit_texts[][2] = {
    {"0", "done"},
    {"1", "failed: a file could not be written"},
    {"2", "usage: an unknown subcommand or option, or a bad value"},
    {"3", "bad, missing or unsupported model"},
    {"4", "bad input data"},
    {"5", "out of memory, a limit is reached, no such device, or it failed"},
    {"130", "interrupted"},
    {NULL, NULL},
};

int ig_exit_code(ingot_status status)
{
    switch (status) {
    case INGOT_OK:
        return IG_EXIT_DONE;
    case INGOT_E_ARG:
        return IG_EXIT_USAGE;
    case INGOT_E_FORMAT:
    case INGOT_E_UNSUPPORTED:
        return IG_EXIT_MODEL;
    case INGOT_E_DATA:
        return IG_EXIT_DATA;
    case INGOT_E_NOMEM:
    case INGOT_E_FULL:
    case INGOT_E_DEVICE:
        return IG_EXIT_RESOURCES;
    case INGOT_E_CANCELLED:
        return IG_EXIT_INTERRUPTED;
    case INGOT_E_IO:
    case INGOT_E_INTERNAL:
        break;
    }
    return IG_EXIT_FAILED;
}
