/*
 * A page of the captured results of a statement.
 */
#ifndef API_API_ROWS_H
#define API_API_ROWS_H

#include "api/api_request.h"
#include "base/base_error.h"

/*
 * The JSON array of the results of query r->id, free(3): each with at most `limit` of its rows from `cursor` on, which needs
 * `only`, the one result to be seen. NULL: r->status tells.
 */
char	*api_rows_page(struct api_request *r, const struct api_value *limit, const struct api_value *cursor,
	    const struct api_value *only);

#endif
