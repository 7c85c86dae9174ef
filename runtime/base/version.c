/* version.c - the version that the build gives: project(VERSION) in CMakeLists.txt. */
#include "runtime/ingot.h"

const char *ingot_version(void) { return IG_VERSION; }
