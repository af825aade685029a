/*
 * JSON by hand, where a tree of it would be too much: strings.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/base_buf.h"

/* The inside of a JSON string, without the quotes. `in` is UTF-8 (the caller has checked it). */
void	json_put_inside(struct buf *out, struct slice in);

#endif
