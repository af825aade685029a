/*
 * Replies without an end in sight: made piece by piece, each when the client has taken the one before, so that
 * memory stays flat, and between two pieces other requests have their turn. When a piece cannot be made
 * the transfer is cut, so that the client does not take it for whole.
 */
#ifndef API_API_STREAM_H
#define API_API_STREAM_H

#include "api/api_internal.h"
#include "base/base_error.h"

/* The beginning of a struct that the maker of the pieces knows; allocated with malloc. */
struct api_stream {
	const char	*what;			/* for the log; static */
	const char	*content_type;		/* static */
	char		 filename[80];
	const char	*truncated;		/* for the header DBBat-Truncated; static; NULL: none */
	/* Appends a piece to out, of a megabyte or so. 1; 0: it was the last; -1 and err: it cannot go on. */
	int		(*more)(struct api_stream *s, struct buf *out, struct error *err);
	void		(*free)(struct api_stream *s);	/* all of it */
	/* private */
	struct api		*api;
	struct evhttp_request	*req;
	struct event		*turn;
	struct buf		 piece;
};

/*
 * A file that cannot be finished is cut short, which HTTP/1.0 cannot tell from its end: who speaks that gets none.
 * 0, or the status of the reply.
 */
int	api_stream_refused(struct api_request *r);
/* Begins the reply; s is freed at its end, or when the client is gone. */
void	api_stream_begin(struct api *api, struct api_stream *s, struct evhttp_request *req);

#endif
