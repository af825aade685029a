/*
 * Clocks and RFC 3339 text. All times are microseconds in int64_t.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>
#include <time.h>

#define TIME_ISO_SIZE	32

int64_t	time_now_us(void);	/* since 1970-01-01T00:00:00Z, may jump */
int64_t	time_cpu_us(void);	/* what this process has used of a processor */
int64_t	time_mono_us(void);	/* since some start, never jumps; counts while suspended */

/* How long it is until that time of time_mono_us, for ppoll: nothing when it is past. */
struct timespec	time_left(int64_t until);

/* "2026-11-21T02:50:00.123456Z"; `out` has TIME_ISO_SIZE bytes. Returns out. */
char	*time_format_iso(int64_t us, char *out);

/*
 * Parses an RFC 3339 date-time ("2024-01-01T00:00:00Z", "…+02:00", optional
 * fraction) into *us. Returns 0, or -1 when it is not one, the zone included.
 */
int	time_parse_iso(const char *s, int64_t *us);

#endif
