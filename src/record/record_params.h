/*
 * The parameters of a statement as JSON, for people who read the log.
 */
#ifndef RECORD_PARAMS_H
#define RECORD_PARAMS_H

#include <stdbool.h>

#include "base/base_buf.h"

/*
 * Appends a JSON array with an element for each parameter of `params`
 * (record_event.params):
 *   null             SQL NULL
 *   "text"           the value as text, whether it came in text or binary format
 *   {"hex": "00ff"}  a binary value of a type that is not decoded here, or not one of its type
 * and {"cut": true} at the end when values are missing or shortened.
 */
void	record_params_json(struct buf *out, struct slice params, bool cut);

#endif
