/* tune_file.h - measured choices on disk, and what of them is this device's: for tune.c. */
#ifndef IG_CU_TUNE_FILE_H
#define IG_CU_TUNE_FILE_H

#include "runtime/device/cuda/inside.h"
#include "runtime/device/cuda/tune.h"

/* tune_file_open - finds the file and reads it. Where there can be none, or lines of it are
 * damaged, the log says so. */
void tune_file_open(ig_device *d);

/* The lock is held. */
void tune_file_read(ig_device *d); /* again: others may have added choices */
bool tune_file_find(const ig_device *d, const char *what, char name[IG_CU_TUNE_NAME]);
/* A choice of this device's, in memory and in the file. */
void tune_file_keep(ig_device *d, const char *what, const char *name, double us);

#endif
