/*
 * CRC-32C (Castagnoli). Finds accidents, not adversaries.
 */
#ifndef RECORD_CRC_H
#define RECORD_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t	record_crc32c(const void *p, size_t n);

#endif
