/*
 * CRC-32C, by the processor's instruction where it has one, else by eight
 * tables, eight bytes at a time.
 */
#include "record/record_crc.h"

#include <stdbool.h>
#include <string.h>

#define CRC_POLYNOMIAL	0x82f63b78u	/* reflected */

static uint32_t	crc_table[8][256];

static void
crc_table_make(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t	v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v & 1 ? v >> 1 ^ CRC_POLYNOMIAL : v >> 1;
		crc_table[0][i] = v;
	}
	for (int t = 1; t < 8; t++)
		for (int i = 0; i < 256; i++)
			crc_table[t][i] = crc_table[t - 1][i] >> 8 ^
			    crc_table[0][crc_table[t - 1][i] & 0xff];
}

static uint32_t
crc_by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8)
		crc = crc_table[7][p[0] ^ (crc & 0xff)] ^ crc_table[6][p[1] ^ (crc >> 8 & 0xff)] ^
		    crc_table[5][p[2] ^ (crc >> 16 & 0xff)] ^ crc_table[4][p[3] ^ crc >> 24] ^
		    crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
	for (; n > 0; p++, n--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 0xff];
	return crc;
}

#if defined(__x86_64__)
static bool
crc_have_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t	c = crc, v;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		c = __builtin_ia32_crc32di(c, v);
	}
	for (; n > 0; p++, n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (uint32_t)c;
}
#else
static bool
crc_have_instruction(void)
{
	return false;
}
#define crc_by_instruction crc_by_table
#endif

static uint32_t	crc_choose(uint32_t crc, const unsigned char *p, size_t n);

static uint32_t	(*crc_run)(uint32_t crc, const unsigned char *p, size_t n) = crc_choose;

/* The first call: decides, and is never called again. */
static uint32_t
crc_choose(uint32_t crc, const unsigned char *p, size_t n)
{
	if (crc_have_instruction()) {
		crc_run = crc_by_instruction;
	} else {
		crc_table_make();
		crc_run = crc_by_table;
	}
	return crc_run(crc, p, n);
}

uint32_t
record_crc32c(const void *p, size_t n)
{
	return ~crc_run(0xffffffffu, p, n);
}
