/*
 * Bytes from a client or a target as text that storage takes.
 */
#ifndef RECORD_TEXT_H
#define RECORD_TEXT_H

#include "base/base_buf.h"

/* How many bytes from p on are valid UTF-8 and not NUL. */
size_t	record_text_run(const unsigned char *p, size_t n);

/* Appends `in` as valid UTF-8: NUL, and bytes that are no part of a character, as \xHH. */
void	record_text_put(struct buf *out, struct slice in);

#endif
