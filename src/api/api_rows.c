/*
 * The captured results of a statement: a page of rows with the statement, and one of them as a file. COPY data
 * comes as it was. Who sees a page or takes a file is an audit event.
 */
#include "api/api_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_chunks.h"
#include "api/api_result.h"
#include "api/api_routes.h"
#include "api/api_stream.h"
#include "base/base_log.h"
#include "base/base_mem.h"
#include "store_sql.h"

#define ROWS_DEFAULT	100
#define ROWS_BYTES_MAX	((size_t)8 << 20)	/* of one reply, and one row more */

static const char *const	kinds[] = {
	[RECORD_CHUNK_ROWS] = "rows",
	[RECORD_CHUNK_COPY_OUT] = "copy_out",
	[RECORD_CHUNK_COPY_IN] = "copy_in",
};

static bool
rows_is_copy(const struct api_kept *k)
{
	return k->kind == RECORD_CHUNK_COPY_OUT || k->kind == RECORD_CHUNK_COPY_IN;
}

/* --- a page --------------------------------------------------------------------------- */

struct page {
	struct api		*api;
	struct buf		*out;
	int64_t			 limit;
	int64_t			 cursor;	/* the first row to be shown */
	int64_t			 at;		/* the row that comes next; after it, where the next page begins; 0: nowhere */
};

/* Rows of one chunk. 1; 0: the page is full; CHUNKS_DAMAGED. */
static int
page_rows(struct page *p, struct result *result, struct slice data, struct error *err)
{
	struct slice	row;
	int		rc;

	while ((rc = result_next(result, &data, &row)) == 1) {
		if (p->at >= p->cursor + p->limit || p->out->len > ROWS_BYTES_MAX)
			return 0;
		result_expect(result, row);
		if (p->at < p->cursor) {
			p->at++;
			continue;
		}
		if (p->at > p->cursor)
			buf_put_u8(p->out, ',');
		if (result_put_json(p->out, result, row) != 0) {
			rc = -1;
			break;
		}
		p->at++;
	}
	if (rc == 0)
		return 1;
	error_set(err, "row %" PRId64 " cannot be read", p->at);
	return CHUNKS_DAMAGED;
}

/* All that is left from this chunk on. 0, or the error. */
static int
page_chunks(struct page *p, struct result *result, struct api_chunks *chunks, struct slice data, struct error *err)
{
	int	rc;

	do
		rc = page_rows(p, result, data, err);
	while (rc == 1 && (rc = chunks_next(chunks, &data, err)) == 1);
	return rc;
}

/* Appends "columns" and "rows". 0, or the error; the JSON is whole anyway. */
static int
page_result(struct page *p, const struct api_kept *k, struct error *err)
{
	struct api_chunks	*chunks = chunks_open(p->api, k, k->first);
	struct result		 result = { .ready = false };
	struct slice		 body, data = { NULL, 0 };
	struct buf		 rows = { 0 }, *out = p->out;
	uint32_t		 chunk = k->first;
	int64_t			 first = 1;
	int			 rc = chunks_next(chunks, &body, err);

	if (rc == 1 && result_begin(&result, body, &data) != 0) {
		error_set(err, "its first chunk cannot be read");
		rc = CHUNKS_DAMAGED;
	}
	if (rc == 1 && p->cursor > 1)
		rc = kept_seek(p->api, k, p->cursor, &chunk, &first, err);
	if (rc == 1 && chunk != k->first) {
		chunks_close(chunks);
		chunks = chunks_open(p->api, k, chunk);
		rc = chunks_next(chunks, &data, err);
	}
	p->at = first;
	p->out = &rows;
	if (rc == 1)
		rc = page_chunks(p, &result, chunks, data, err);
	p->out = out;
	buf_put_str(out, ",\"columns\":");
	result_put_columns(out, &result);
	buf_put_str(out, ",\"rows\":[");
	buf_put(out, rows.data, rows.len);
	buf_put_u8(out, ']');
	buf_free(&rows);
	result_free(&result);
	chunks_close(chunks);
	return rc;
}

/* The object of one result. False: storage or the keeper do not answer. */
static bool
page_put(struct page *p, const struct api_kept *k, struct error *err)
{
	int	rc = 0;

	buf_putf(p->out, "{\"result\":%" PRIu32 ",\"kind\":\"%s\"", k->result, kinds[rows_is_copy(k) ? k->kind : RECORD_CHUNK_ROWS]);
	if (rows_is_copy(k))
		buf_putf(p->out, ",\"format\":\"%s\"", k->binary ? "binary" : "text");
	else
		rc = page_result(p, k, err);
	buf_putf(p->out, ",\"row_count\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"truncated\":%s,\"truncated_reason\":", k->rows, k->bytes,
	    k->cut != NULL ? "true" : "false");
	buf_putf(p->out, k->cut != NULL ? "\"%s\"" : "null", k->cut);
	buf_putf(p->out, ",\"sealed\":%s,\"next_cursor\":", k->sealed ? "true" : "false");
	if (!rows_is_copy(k) && rc == 0 && (uint64_t)p->at <= k->rows && p->at >= p->cursor)
		buf_putf(p->out, "\"%" PRId64 "\"", p->at);
	else
		buf_put_str(p->out, "null");
	if (rc == CHUNKS_DAMAGED) {
		log_error("captured result %" PRIu32 " of statement %s of connection %s is damaged: %s", k->result, k->seq,
		    k->connection_id, err->msg);
		buf_put_str(p->out, ",\"error\":{\"code\":\"damaged\",\"message\":\"");
		buf_put_str(p->out, err->msg);
		buf_put_str(p->out, "\"}");
	}
	buf_put_u8(p->out, '}');
	return rc != CHUNKS_AWAY;
}

static int
rows_away(struct api_request *r, const struct error *err)
{
	log_error("captured results: %s", err->msg);
	return api_fail(r, 503, "storage_unavailable", NULL, "the storage database or the keeper does not answer");
}

/* 0, or the status when it cannot be recorded: then nothing may be shown. */
static int
rows_audit_read(struct api_request *r, const struct page *p, const struct api_value *only)
{
	cJSON	*what = cJSON_CreateObject();
	int	 status;

	if (only->given)
		cJSON_AddNumberToObject(what, "result", (double)only->number);
	cJSON_AddNumberToObject(what, "cursor", (double)p->cursor);
	cJSON_AddNumberToObject(what, "limit", (double)p->limit);
	status = api_audit(r, "query.read", "query", r->id, NULL, what, NULL);
	cJSON_Delete(what);
	return status;
}

char *
api_rows_page(struct api_request *r, const struct api_value *limit, const struct api_value *cursor, const struct api_value *only)
{
	struct buf	 out = { 0 };
	struct page	 p = { .api = r->api, .out = &out,
		.limit = limit->given ? limit->number : ROWS_DEFAULT, .cursor = cursor->given ? cursor->number : 1 };
	struct api_kept	*kept = NULL;
	struct error	 err;
	int		 n;

	if (cursor->given && !only->given) {
		api_fail(r, 422, "invalid", "cursor", "cursor needs result: it is a row of one result");
		return NULL;
	}
	n = kept_find(r, only->given ? only->number : 0, &kept);
	if (n > 0 && rows_audit_read(r, &p, only) != 0)
		n = -1;
	buf_put_u8(&out, '[');
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_put_u8(&out, ',');
		if (!page_put(&p, &kept[i], &err)) {
			rows_away(r, &err);
			n = -1;
		}
	}
	buf_put_u8(&out, ']');
	free(kept);
	if (n >= 0 && !out.failed)
		return (char *)(uintptr_t)buf_text(&out);
	if (n >= 0)
		api_fail(r, 500, "internal", NULL, "the result is too large to be shown");
	buf_free(&out);
	return NULL;
}

/* --- a file ------------------------------------------------------------------------------- */

struct download {
	struct api_stream	 stream;
	struct api_kept		 kept;
	struct api_chunks	*chunks;
	struct result		 result;
	bool			 csv, begun, headed;	/* a chunk was read; what comes before the rows was written */
	uint64_t		 rows;
};

static void
download_free(struct api_stream *stream)
{
	struct download	*d = (struct download *)stream;

	chunks_close(d->chunks);
	result_free(&d->result);
	free(d);
}

static void
download_head(struct download *d, struct buf *out)
{
	if (d->headed)
		return;
	d->headed = true;
	if (d->csv) {
		result_put_csv_header(out, &d->result);
		return;
	}
	buf_put_str(out, "{\"columns\":");
	result_put_columns(out, &d->result);
	buf_put_str(out, ",\"rows\":[");
}

static void
download_tail(struct download *d, struct buf *out)
{
	download_head(d, out);
	if (d->csv)
		return;
	buf_putf(out, "\n],\"row_count\":%" PRIu64 ",\"truncated\":%s,\"truncated_reason\":", d->rows,
	    d->kept.cut != NULL ? "true" : "false");
	buf_putf(out, d->kept.cut != NULL ? "\"%s\"}\n" : "null}\n", d->kept.cut);
}

static int
download_row(struct download *d, struct buf *out, struct slice row)
{
	result_expect(&d->result, row);
	download_head(d, out);
	if (d->csv) {
		d->rows++;
		return result_put_csv(out, &d->result, row);
	}
	buf_put_str(out, d->rows++ > 0 ? ",\n" : "\n");
	return result_put_json(out, &d->result, row);
}

static int
download_more(struct api_stream *stream, struct buf *out, struct error *err)
{
	struct download	*d = (struct download *)stream;
	struct slice	 body, data, row;
	int		 rc = chunks_next(d->chunks, &body, err);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		if (!rows_is_copy(&d->kept))
			download_tail(d, out);
		return 0;
	}
	data = body;
	if (!d->begun && result_begin(&d->result, body, &data) != 0)
		return error_set(err, "the first chunk cannot be read");
	d->begun = true;
	if (rows_is_copy(&d->kept)) {
		buf_put(out, data.p, data.n);
		return 1;
	}
	while ((rc = result_next(&d->result, &data, &row)) == 1 && (rc = download_row(d, out, row)) == 0)
		;
	return rc == 0 ? 1 : error_set(err, "row %" PRIu64 " cannot be read", d->rows);
}

static int
download_start(struct api_request *r, struct api_kept *k, bool csv)
{
	struct download	*d = xcalloc(1, sizeof(*d));
	bool		 copy = rows_is_copy(k);

	d->csv = csv;
	d->kept = *k;
	d->chunks = chunks_open(r->api, k, k->first);
	d->stream = (struct api_stream){
		.what = "a download of a result", .more = download_more, .free = download_free, .truncated = k->cut,
		.content_type = copy ? (k->binary ? "application/octet-stream" : "text/plain") :
		    csv ? "text/csv; charset=utf-8; header=present" : "application/json",
	};
	snprintf(d->stream.filename, sizeof(d->stream.filename), "dbbat-query-%" PRId64 "-%" PRIu32 ".%s", r->id, k->result,
	    copy ? "copy" : csv ? "csv" : "json");
	r->stream = &d->stream;
	r->status = 200;
	return 200;
}

int
api_rows_download(struct api_request *r)
{
	const struct api_value	*result = &r->query[ROWS_RESULT];
	cJSON			*what;
	struct api_kept		*kept = NULL;
	bool			 csv = !r->query[ROWS_FORMAT].given || strcmp(r->query[ROWS_FORMAT].text, "csv") == 0;
	int			 n;

	if ((n = api_stream_refused(r)) != 0)
		return n;
	what = api_one(r, SQL_QUERY_LIST, QUERY_FILTERS, r->id, api_viewer(r));
	if (what == NULL)
		return r->status ? r->status : api_not_found(r);
	cJSON_Delete(what);
	n = kept_find(r, result->given ? result->number : 1, &kept);
	if (n == 0)
		api_fail(r, 404, "not_found", NULL, "no such result of this statement was kept");
	if (n > 0) {
		what = cJSON_CreateObject();
		cJSON_AddNumberToObject(what, "result", kept[0].result);
		cJSON_AddStringToObject(what, "format", csv ? "csv" : "json");
		if (api_audit(r, "query.download", "query", r->id, NULL, what, NULL) == 0)
			download_start(r, &kept[0], csv);
		cJSON_Delete(what);
	}
	free(kept);
	return r->status;
}
