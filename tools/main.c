/* main.c - the `ingot` command. */
#include "tools/cli/cli.h"

int main(int argc, char **argv) { return ig_cli_main(argc, argv); }
