/*
 * Bodies and query strings against their const tables: what is not in the table,
 * comes twice, has another type or is out of range is refused by name. What passes is text that can be bound to SQL.
 */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_request.h"
#include "base/base_buf.h"
#include "base/base_mem.h"
#include "base/base_time.h"

#define EXACT_MAX	9007199254740991	/* 2^53 - 1: integers a JSON number surely carries */
#define TIME_MAX_US	INT64_C(253402300799999999)	/* the end of 9999 */

static int
invalid(struct api_request *r, const struct api_field *f, const char *what)
{
	return api_fail(r, 422, "invalid", f->name, "%s %s", f->name, what);
}

void
api_values_free(struct api_value *values, const struct api_field *fields, int n)
{
	int	i;

	for (i = 0; i < n; i++) {
		if (fields[i].secret)
			secret_free(values[i].text);
		else
			free(values[i].text);
		values[i] = (struct api_value){ 0 };
	}
}

static int
take_string(struct api_request *r, const struct api_field *f, struct api_value *v, const char *text)
{
	size_t		 n = strlen(text);
	const char	*p;
	char		 what[64];

	if (n < (size_t)f->min || n > (size_t)f->max) {
		snprintf(what, sizeof(what), "must have %" PRId64 " to %" PRId64 " bytes", f->min, f->max);
		return invalid(r, f, what);
	}
	if (!api_utf8_ok(text, n))
		return invalid(r, f, "must be UTF-8");
	for (p = text; *p != '\0' && !f->secret; p++) {
		if (f->lines && strchr("\t\r\n", *p) != NULL)
			continue;
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return invalid(r, f, "must not have control characters");
		if (f->forbid != NULL && strchr(f->forbid, *p) != NULL) {
			snprintf(what, sizeof(what), "must not have the character %c", *p);
			return invalid(r, f, what);
		}
	}
	v->text = xstrdup(text);
	return 0;
}

static int
take_integer(struct api_request *r, const struct api_field *f, struct api_value *v, int64_t number)
{
	char	what[96];

	if (number < f->min || number > f->max) {
		snprintf(what, sizeof(what), "must be an integer from %" PRId64 " to %" PRId64, f->min, f->max);
		return invalid(r, f, what);
	}
	v->number = number;
	v->text = xasprintf("%" PRId64, number);
	return 0;
}

static int
take_boolean(struct api_value *v, bool yes)
{
	v->number = yes;
	v->text = xstrdup(yes ? "true" : "false");
	return 0;
}

static int
take_time(struct api_request *r, const struct api_field *f, struct api_value *v, const char *text)
{
	char	iso[TIME_ISO_SIZE];

	if (time_parse_iso(text, &v->number) != 0)
		return invalid(r, f, "must be a time like 2024-01-31T00:00:00Z, with its zone");
	if (v->number < 0 || v->number > TIME_MAX_US)
		return invalid(r, f, "must be a time from 1970 to 9999");
	v->text = xstrdup(time_format_iso(v->number, iso));
	return 0;
}

static int
take_choice(struct api_request *r, const struct api_field *f, struct api_value *v, const char *text)
{
	const char *const	*c;
	struct buf		 what = { 0 };
	int			 status;

	for (c = f->choices; *c != NULL; c++)
		if (strcmp(*c, text) == 0) {
			v->text = xstrdup(text);
			return 0;
		}
	buf_put_str(&what, "must be one of");
	for (c = f->choices; *c != NULL; c++)
		buf_putf(&what, "%s %s", c == f->choices ? "" : ",", *c);
	status = invalid(r, f, buf_text(&what));
	buf_free(&what);
	return status;
}

static int
take_json(struct api_request *r, const struct api_field *f, struct api_value *v, const cJSON *json)
{
	double	d = json->valuedouble;

	if (cJSON_IsNull(json))
		return f->nullable ? 0 : invalid(r, f, "must not be null");
	switch (f->kind) {
	case API_INTEGER:
		if (!cJSON_IsNumber(json))
			return invalid(r, f, "must be an integer");
		if (!(fabs(d) <= EXACT_MAX) || d != trunc(d))
			return invalid(r, f, "must be an integer, and not beyond 2^53 - 1");
		return take_integer(r, f, v, (int64_t)d);
	case API_BOOLEAN:
		if (!cJSON_IsBool(json))
			return invalid(r, f, "must be true or false");
		return take_boolean(v, cJSON_IsTrue(json));
	default:
		if (!cJSON_IsString(json))
			return invalid(r, f, "must be a string");
	}
	if (f->kind == API_TIME)
		return take_time(r, f, v, json->valuestring);
	if (f->kind == API_CHOICE)
		return take_choice(r, f, v, json->valuestring);
	return take_string(r, f, v, json->valuestring);
}

static int
take_text(struct api_request *r, const struct api_field *f, struct api_value *v, const char *text)
{
	size_t	n = strlen(text);

	switch (f->kind) {
	case API_INTEGER:
		if (n == 0 || n > 18 || strspn(text, "0123456789") != n)
			return invalid(r, f, "must be an integer");
		return take_integer(r, f, v, strtoll(text, NULL, 10));
	case API_BOOLEAN:
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			return invalid(r, f, "must be true or false");
		return take_boolean(v, text[0] == 't');
	case API_TIME:
		return take_time(r, f, v, text);
	case API_CHOICE:
		return take_choice(r, f, v, text);
	case API_STRING:
		return take_string(r, f, v, text);
	}
	return invalid(r, f, "is of no known kind");
}

static int
field_index(const struct api_field *fields, int n, const char *name)
{
	int	i;

	for (i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return i;
	return -1;
}

/* A name of the client's choosing is shown only where it is short. */
static int
refuse_name(struct api_request *r, const char *name, const char *what)
{
	if (strlen(name) > 64)
		return api_fail(r, 422, "invalid", NULL, "a name that is too long to show %s", what);
	return api_fail(r, 422, "invalid", name, "%s %s", name, what);
}

/* Says what would be known: it is a slip more often than an attempt. */
static int
refuse_unknown(struct api_request *r, const char *name, const char *noun, const struct api_field *fields, int n)
{
	struct buf	what = { 0 };
	int		status;

	buf_putf(&what, "is not a %s of this request", noun);
	for (int i = 0; i < n; i++)
		buf_putf(&what, "%s%s", i == 0 ? "; it takes " : ", ", fields[i].name);
	status = refuse_name(r, name, buf_text(&what));
	buf_free(&what);
	return status;
}

int
api_validate_body(struct api_request *r, cJSON *body)
{
	const struct api_route	*route = r->route;
	const cJSON		*member;
	bool			 any = false;
	int			 i, status;

	cJSON_ArrayForEach(member, body) {
		i = field_index(route->body, route->nbody, member->string);
		if (i < 0)
			return refuse_unknown(r, member->string, "field", route->body, route->nbody);
		if (r->body[i].given)
			return refuse_name(r, member->string, "is given twice");
		r->body[i].given = any = true;
		if ((status = take_json(r, &route->body[i], &r->body[i], member)) != 0)
			return status;
	}
	for (i = 0; i < route->nbody && !route->partial; i++)
		if (route->body[i].required && !r->body[i].given)
			return invalid(r, &route->body[i], "is required");
	if (route->partial && !any)
		return api_fail(r, 422, "invalid", NULL, "the body names nothing to change");
	return 0;
}

static int
validate_parameters(struct api_request *r, struct evkeyvalq *parameters)
{
	const struct api_route	*route = r->route;
	struct evkeyval		*kv;
	int			 i, status;

	for (kv = parameters->tqh_first; kv != NULL; kv = kv->next.tqe_next) {
		if (!api_utf8_ok(kv->key, strlen(kv->key)))
			return api_fail(r, 422, "invalid", NULL, "the query string is not UTF-8");
		i = field_index(route->query, route->nquery, kv->key);
		if (i < 0)
			return refuse_unknown(r, kv->key, "parameter", route->query, route->nquery);
		if (r->query[i].given)
			return refuse_name(r, kv->key, "is given twice");
		r->query[i].given = true;
		if ((status = take_text(r, &route->query[i], &r->query[i], kv->value)) != 0)
			return status;
	}
	return 0;
}

int
api_validate_query(struct api_request *r, const char *query)
{
	struct evkeyvalq	parameters = { 0 };
	int			status;

	if (query == NULL || query[0] == '\0')
		return 0;
	if (strstr(query, "%00") != NULL || evhttp_parse_query_str(query, &parameters) != 0)
		return api_fail(r, 422, "invalid", NULL, "the query string is not of the form name=value&name=value");
	status = validate_parameters(r, &parameters);
	evhttp_clear_headers(&parameters);
	return status;
}
