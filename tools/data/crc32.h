/* crc32.h - the checksum of zip archives: zlib's where it is there, else a small table. */
#ifndef IG_CRC32_H
#define IG_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* ig_crc32 - continue `crc` (0 to begin) over n bytes. */
uint32_t ig_crc32(uint32_t crc, const void *p, size_t n);

#endif
