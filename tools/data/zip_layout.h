/* zip_layout.h - the records of a zip archive (PKWARE APPNOTE 6.3, section 4.3): magic numbers,
 * field offsets, little-endian access. A field of all ones has its value in the zip64 extra field.
 */
#ifndef IG_ZIP_LAYOUT_H
#define IG_ZIP_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
    ZIP_LOCAL = 0x04034b50,
    ZIP_CENTRAL = 0x02014b50,
    ZIP_END = 0x06054b50,
    ZIP_END64 = 0x06064b50,
    ZIP_LOCATOR64 = 0x07064b50,

    ZIP_LOCAL_BYTES = 30,
    LOCAL_FLAGS = 6,
    LOCAL_METHOD = 8,
    LOCAL_DATE = 12,
    LOCAL_CRC = 14,
    LOCAL_PACKED = 18,
    LOCAL_SIZE = 22,
    LOCAL_NAME_LEN = 26,
    LOCAL_EXTRA_LEN = 28,

    ZIP_CENTRAL_BYTES = 46,
    CENTRAL_FLAGS = 8,
    CENTRAL_METHOD = 10,
    CENTRAL_DATE = 14,
    CENTRAL_CRC = 16,
    CENTRAL_PACKED = 20,
    CENTRAL_SIZE = 24,
    CENTRAL_NAME_LEN = 28,
    CENTRAL_EXTRA_LEN = 30,
    CENTRAL_COMMENT_LEN = 32,
    CENTRAL_LOCAL_AT = 42,

    ZIP_END_BYTES = 22,
    END_DISK = 4,
    END_COUNT = 10,
    END_DIRECTORY_BYTES = 12,
    END_DIRECTORY_AT = 16,
    END_COMMENT_LEN = 20,

    ZIP_LOCATOR64_BYTES = 20,
    LOCATOR64_AT = 8,
    ZIP_END64_BYTES = 56,
    END64_COUNT = 32,
    END64_DIRECTORY_BYTES = 40,
    END64_DIRECTORY_AT = 48,

    ZIP_EXTRA64 = 1, /* the id of the zip64 extra field */
    ZIP_STORED = 0,
    ZIP_DEFLATED = 8,
    ZIP_FLAG_ENCRYPTED = 1,
    ZIP_FLAG_UTF8 = 1 << 11,
};

static inline uint16_t le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t le32(const uint8_t *p) { return le16(p) | (uint32_t)le16(p + 2) << 16; }
static inline uint64_t le64(const uint8_t *p) { return le32(p) | (uint64_t)le32(p + 4) << 32; }

static inline void put_le(uint8_t *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, v >>= 8) p[i] = (uint8_t)v;
}

#endif
