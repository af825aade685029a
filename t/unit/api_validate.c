/* Bodies and query strings: what passes as what text, and what is refused under which name. */
#include "api/api_request.h"

#include <stdlib.h>

#include "tap.h"

static const char *const colours[] = { "red", "green", NULL };
static const struct api_field fields[] = {
	{ .name = "name", .kind = API_STRING, .required = true, .min = 1, .max = 8, .forbid = ":" },
	{ .name = "note", .kind = API_STRING, .lines = true, .max = 16 },
	{ .name = "count", .kind = API_INTEGER, .nullable = true, .min = 0, .max = 9007199254740991 },
	{ .name = "flag", .kind = API_BOOLEAN },
	{ .name = "at", .kind = API_TIME },
	{ .name = "colour", .kind = API_CHOICE, .choices = colours },
	{ .name = "password", .kind = API_STRING, .secret = true, .min = 1, .max = 8 },
};
enum { NAME, NOTE, COUNT, FLAG, AT, COLOUR, PASSWORD, FIELDS };

static struct api_route route = { .method = "POST", .path = "/x", .body = fields, .nbody = FIELDS,
	.query = fields, .nquery = FIELDS };

static void
done(struct api_request *r)
{
	api_values_free(r->body, fields, FIELDS);
	api_values_free(r->query, fields, FIELDS);
	cJSON_Delete(r->reply);
}

/* The status of a body: 400 where it is no JSON, 0 where it passes. */
static int
body(struct api_request *r, const char *text)
{
	const char	*why;
	cJSON		*json = api_json_parse(text, strlen(text), &why);
	int		 status;

	*r = (struct api_request){ .route = &route };
	if (json == NULL)
		return 400;
	status = api_validate_body(r, json);
	api_json_wipe(json);
	return status;
}

static const char *
error_field(const struct api_request *r)
{
	const cJSON	*error = cJSON_GetObjectItem(r->reply, "error");
	const cJSON	*field = cJSON_GetObjectItem(error, "field");

	return field ? field->valuestring : "-";
}

static void
bad_json(void)
{
	static const struct { const char *text; size_t n; } bad[] = {
#define S(s)	{ s, sizeof(s) - 1 }
		S(""), S(" "), S("x"), S("[]"), S("1"), S("null"), S("\"a\""), S("{"), S("{\"a\":}"), S("{} x"), S("{}{}"),
		S("{\"name\":\"a\\u0000b\"}"), S("{\"name\":\"a\0b\"}"), S("{}\0"), S("{\"name\":\"\xff\"}"),
		S("{\"name\":\"\xc0\x80\"}"), S("{\"name\":\"\xed\xa0\x80\"}"), S("{\"name\":\"\xf4\x90\x80\x80\"}"),
		S("{\"name\":\"\xe2\x82\"}"), S("{\"name\":\"a\nb\"}"), S("{\"name\":\"\\ud800\"}"), S("{\"name\":\"\\x\"}"),
		S("{\"a\":[[[[[[[[[1]]]]]]]]]}"), S("{\"name\":\"a\\"), S("{\"name\":\"a\\u000"),
	};
	const char	*why;
	size_t		 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cJSON	*json = api_json_parse(bad[i].text, bad[i].n, &why);

		ok(json == NULL && why != NULL, "bad JSON %zu: %s", i, json ? "was taken" : why);
		cJSON_Delete(json);
	}
	cJSON_Delete(api_json_parse(" {\"a\":\"\\\\u0000\"} \r\n", 19, &why));
	ok(why == NULL, "an escaped backslash before u0000 is no NUL");
}

static void
bodies(void)
{
	static const struct { const char *text, *field; } bad[] = {
		{ "{}", "name" },
		{ "{\"note\":\"x\"}", "name" },
		{ "{\"name\":\"\"}", "name" },
		{ "{\"name\":\"123456789\"}", "name" },
		{ "{\"name\":1}", "name" },
		{ "{\"name\":null}", "name" },
		{ "{\"name\":[\"a\"]}", "name" },
		{ "{\"name\":{\"a\":1}}", "name" },
		{ "{\"name\":\"a\\tb\"}", "name" },
		{ "{\"name\":\"a\\u007fb\"}", "name" },
		{ "{\"name\":\"a:b\"}", "name" },
		{ "{\"name\":\"a\",\"name\":\"b\"}", "name" },
		{ "{\"name\":\"a\",\"count\":null,\"count\":1}", "count" },
		{ "{\"name\":\"a\",\"Name\":\"b\"}", "Name" },
		{ "{\"name\":\"a\",\"id\":1}", "id" },
		{ "{\"name\":\"a\",\"\":1}", "" },
		{ "{\"name\":\"a\",\"count\":-1}", "count" },
		{ "{\"name\":\"a\",\"count\":1.5}", "count" },
		{ "{\"name\":\"a\",\"count\":\"1\"}", "count" },
		{ "{\"name\":\"a\",\"count\":true}", "count" },
		{ "{\"name\":\"a\",\"count\":9007199254740992}", "count" },
		{ "{\"name\":\"a\",\"count\":1e300}", "count" },
		{ "{\"name\":\"a\",\"count\":1e999}", "count" },
		{ "{\"name\":\"a\",\"count\":-1e999}", "count" },
		{ "{\"name\":\"a\",\"flag\":1}", "flag" },
		{ "{\"name\":\"a\",\"flag\":\"true\"}", "flag" },
		{ "{\"name\":\"a\",\"at\":\"2024-01-01\"}", "at" },
		{ "{\"name\":\"a\",\"at\":\"2024-02-30T00:00:00Z\"}", "at" },
		{ "{\"name\":\"a\",\"at\":\"2024-01-01T00:00:00\"}", "at" },
		{ "{\"name\":\"a\",\"at\":\"infinity\"}", "at" },
		{ "{\"name\":\"a\",\"at\":\"1969-12-31T23:59:59Z\"}", "at" },
		{ "{\"name\":\"a\",\"at\":1700000000}", "at" },
		{ "{\"name\":\"a\",\"colour\":\"blue\"}", "colour" },
		{ "{\"name\":\"a\",\"colour\":\"\"}", "colour" },
		{ "{\"name\":\"a\",\"password\":\"\"}", "password" },
		{ "{\"name\":\"a\",\"password\":\"123456789\"}", "password" },
	};
	struct api_request	r;
	size_t			i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(body(&r, bad[i].text), 422, bad[i].text);
		is_str(error_field(&r), bad[i].field, "... names the field");
		done(&r);
	}
	is_int(body(&r, "{\"name\":\"a\",\"a name so long that it would be silly to send it back to "
	    "whoever made it up in the first place\":1}"), 422, "a field with an overlong name");
	is_str(error_field(&r), "-", "is refused without its name");
	done(&r);

	is_int(body(&r, "{\"name\":\"J\xc3\xb6rg\",\"note\":\"a\\nb\\t\",\"count\":9007199254740991,\"flag\":true,"
	    "\"at\":\"2024-06-01T02:00:00.5+02:00\",\"colour\":\"green\",\"password\":\"a:\\u0001\\tb\"}"), 0, "a good body");
	is_str(r.body[NAME].text, "J\xc3\xb6rg", "a string");
	is_str(r.body[NOTE].text, "a\nb\t", "text with lines");
	is_str(r.body[COUNT].text, "9007199254740991", "the largest integer");
	is_str(r.body[FLAG].text, "true", "a boolean");
	is_str(r.body[AT].text, "2024-06-01T00:00:00.500000Z", "a time, in UTC");
	is_str(r.body[COLOUR].text, "green", "a choice");
	is_str(r.body[PASSWORD].text, "a:\001\tb", "a password may have anything but NUL");
	done(&r);

	is_int(body(&r, "{\"name\":\"a\",\"count\":null}"), 0, "null where it is a value");
	ok(r.body[COUNT].given && r.body[COUNT].text == NULL, "is given, and NULL");
	ok(!r.body[FLAG].given && r.body[FLAG].text == NULL, "what is absent is not given");
	done(&r);
	is_int(body(&r, "{\"name\":\"a\",\"count\":1e3}"), 0, "1e3 is an integer");
	is_str(r.body[COUNT].text, "1000", "a thousand");
	done(&r);

	route.partial = true;
	is_int(body(&r, "{\"flag\":false}"), 0, "a partial body needs no required field");
	done(&r);
	is_int(body(&r, "{}"), 422, "but something");
	done(&r);
	route.partial = false;
}

static int
query(struct api_request *r, const char *text)
{
	*r = (struct api_request){ .route = &route };
	return api_validate_query(r, text);
}

static void
queries(void)
{
	static const struct { const char *text, *field; } bad[] = {
		{ "limit=1", "limit" }, { "name=", "name" }, { "name=123456789", "name" }, { "name=a&name=b", "name" },
		{ "name=a%00b", "-" }, { "name=%ff", "name" }, { "%ff=1", "%ff" }, { "\xff=1", "-" }, { "name=a%0ab", "name" },
		{ "count=", "count" }, { "count=-1", "count" }, { "count=+1", "count" }, { "count=1x", "count" },
		{ "count=9999999999999999999", "count" }, { "count=9007199254740992", "count" }, { "flag=1", "flag" },
		{ "flag=TRUE", "flag" }, { "at=now", "at" }, { "at=2024-01-01T00:00:00+02:00", "at" }, { "colour=re", "colour" },
	};
	struct api_request	r;
	size_t			i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(query(&r, bad[i].text), 422, bad[i].text);
		is_str(error_field(&r), bad[i].field, "... names the parameter");
		done(&r);
	}
	is_int(query(&r, NULL), 0, "no query string");
	is_int(query(&r, ""), 0, "an empty one");
	is_int(query(&r, "name=a%26b&count=007&flag=false&at=2024-01-01T00:00:00%2B02:00"), 0, "a good one");
	is_str(r.query[NAME].text, "a&b", "is decoded");
	is_str(r.query[COUNT].text, "7", "a number");
	is_str(r.query[FLAG].text, "false", "a boolean");
	is_str(r.query[AT].text, "2023-12-31T22:00:00.000000Z", "a time");
	done(&r);
}

int
main(void)
{
	bad_json();
	bodies();
	queries();
	return tap_done();
}
