/*
 * The log of statements as a file: all that a filter finds, newest first, a page of the list at a time. What is logged after it
 * began is not in it. Who exported what is an audit event.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_result.h"
#include "api/api_routes.h"
#include "api/api_stream.h"
#include "base/base_mem.h"
#include "store/store.h"
#include "store_sql.h"

#define EXPORT_PAGE	"500"
#define EXPORT_PARAMS	(4 + QUERY_FILTERS)

enum { P_ID, P_VIEWER, P_CURSOR, P_LIMIT, P_FILTERS };

struct export {
	struct api_stream	 stream;
	char			*params[EXPORT_PARAMS];		/* of query_list.sql */
	bool			 csv, begun;
};

static void
export_free(struct api_stream *stream)
{
	struct export	*x = (struct export *)stream;

	for (int i = 0; i < EXPORT_PARAMS; i++)
		free(x->params[i]);
	free(x);
}

/* A member of the JSON object as a field: what is no string in JSON's own words. */
static void
export_field(struct buf *out, const cJSON *value)
{
	char	*text;

	if (cJSON_IsNull(value))
		return;
	if (cJSON_IsString(value)) {
		result_put_field(out, (struct slice){ (const unsigned char *)value->valuestring, strlen(value->valuestring) });
		return;
	}
	text = cJSON_PrintUnformatted(value);
	result_put_field(out, (struct slice){ (const unsigned char *)text, strlen(text) });
	cJSON_free(text);
}

static void
export_line(struct buf *out, const cJSON *row, bool names)
{
	for (const cJSON *value = row->child; value != NULL; value = value->next) {
		if (value != row->child)
			buf_put_u8(out, ',');
		if (names)
			buf_put_str(out, value->string);
		else
			export_field(out, value);
	}
	buf_put_str(out, "\r\n");
}

static void
export_row(struct export *x, struct buf *out, const PGresult *res, int i)
{
	cJSON	*row = api_json_row(res, i);
	char	*text;

	if (x->csv) {
		if (!x->begun)
			export_line(out, row, true);
		x->begun = true;
		export_line(out, row, false);
	} else {
		text = cJSON_PrintUnformatted(row);
		buf_put_str(out, text);
		buf_put_u8(out, '\n');
		cJSON_free(text);
	}
	cJSON_Delete(row);
}

static int
export_more(struct api_stream *stream, struct buf *out, struct error *err)
{
	struct export	*x = (struct export *)stream;
	struct store	*store = x->stream.api->store;
	PGresult	*res;
	int		 n, found = 0;

	if (store_ready(store, err) != 0)
		return -1;
	res = store_exec(store, SQL_QUERY_LIST, EXPORT_PARAMS, (const char *const *)x->params);
	if (PQresultStatus(res) != PGRES_TUPLES_OK) {
		store_error(store_conn(store), res, err);
		PQclear(res);
		return -1;
	}
	n = PQntuples(res);
	for (int i = 0; i < n; i++)
		export_row(x, out, res, i);
	if (n > 0) {
		found = atoi(PQgetvalue(res, 0, PQfnumber(res, "_found")));
		free(x->params[P_CURSOR]);
		x->params[P_CURSOR] = xstrdup(PQgetvalue(res, n - 1, 0));
	}
	PQclear(res);
	/* as many as were asked for, or a page that its texts have cut short: there may be more */
	return found > n || found == atoi(EXPORT_PAGE);
}

/* The filters, by their names. */
static cJSON *
export_filters(const struct api_request *r)
{
	cJSON	*filters = cJSON_CreateObject();

	for (int i = PAGE_FILTERS; i < r->route->nquery; i++)
		if (r->query[i].given)
			cJSON_AddStringToObject(filters, r->route->query[i].name, r->query[i].text);
	return filters;
}

int
api_export(struct api_request *r)
{
	struct export	*x;
	cJSON		*filters;
	int		 status;

	if ((status = api_stream_refused(r)) != 0)
		return status;
	for (int i = PAGE_LIMIT; i <= PAGE_CURSOR; i++)
		if (r->query[i].given)
			return api_fail(r, 422, "invalid", r->route->query[i].name, "%s does not go with format: all there is comes",
			    r->route->query[i].name);
	filters = export_filters(r);
	status = api_audit(r, "query.export", "query", 0, NULL, filters, NULL);
	cJSON_Delete(filters);
	if (status != 0)
		return status;
	x = xcalloc(1, sizeof(*x));
	x->csv = strcmp(r->query[QUERY_FORMAT].text, "csv") == 0;
	x->stream = (struct api_stream){
		.what = "an export of queries", .more = export_more, .free = export_free,
		.content_type = x->csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson",
	};
	snprintf(x->stream.filename, sizeof(x->stream.filename), "dbbat-queries.%s", x->csv ? "csv" : "ndjson");
	if (api_viewer(r) != 0)
		x->params[P_VIEWER] = xasprintf("%" PRId64, api_viewer(r));
	x->params[P_LIMIT] = xstrdup(EXPORT_PAGE);
	for (int i = 0; i < QUERY_FILTERS; i++)
		x->params[P_FILTERS + i] = xstrdup(r->query[PAGE_FILTERS + i].text);
	r->stream = &x->stream;
	r->status = 200;
	return 200;
}
