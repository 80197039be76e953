/* CRC-32 (IEEE 802.3, reflected), by nibbles: 64 bytes of table. Finds accidents, not attackers. */
#ifndef HUFU_STORE_CRC_H
#define HUFU_STORE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continue crc (0 to begin) over n bytes. */
uint32_t store_crc(uint32_t crc, const void *data, size_t n);

#endif
