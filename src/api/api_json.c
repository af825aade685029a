/*
 * JSON in and out. What cJSON lets through and we do not (NUL in any form, bytes that are not UTF-8,
 * deep nesting, anything behind the value) is refused before and after it. Numbers of
 * storage go out as the digits they came as, never through a double.
 */
#include "api/api_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_text.h"

#define JSON_DEPTH_MAX	8

/* Types of the columns storage queries give; everything else is text. */
enum {
	OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_JSON = 114, OID_NUMERIC = 1700,
	OID_TIMESTAMPTZ = 1184, OID_JSONB = 3802
};

bool
api_utf8_ok(const void *bytes, size_t n)
{
	const unsigned char	*p = bytes;
	size_t			 len;

	for (; n > 0; p += len, n -= len)
		if ((len = text_utf8_length(p, n)) == 0)
			return false;
	return true;
}

/* What is wrong with the text before its grammar is looked at; NULL: nothing. */
static const char *
json_scan(const char *text, size_t n)
{
	size_t	i;
	int	depth = 0;
	bool	string = false;

	if (memchr(text, 0, n) != NULL)
		return "the body has a NUL byte";
	if (!api_utf8_ok(text, n))
		return "the body is not UTF-8";
	for (i = 0; i < n; i++) {
		if (string && (unsigned char)text[i] < 0x20)
			return "a string has a control character that is not escaped";
		if (string && text[i] == '\\') {
			if (n - i >= 6 && memcmp(text + i + 1, "u0000", 5) == 0)
				return "a string has the character NUL";
			i++;
		} else if (text[i] == '"')
			string = !string;
		else if (!string && (text[i] == '{' || text[i] == '[') && ++depth > JSON_DEPTH_MAX)
			return "the JSON is nested too deep";
		else if (!string && (text[i] == '}' || text[i] == ']'))
			depth--;
	}
	return NULL;
}

cJSON *
api_json_parse(const char *text, size_t n, const char **why)
{
	const char	*end = NULL;
	cJSON		*json;

	if ((*why = json_scan(text, n)) != NULL)
		return NULL;
	json = cJSON_ParseWithLengthOpts(text, n, &end, 0);
	if (json == NULL) {
		*why = n == 0 ? "the body is empty: a JSON object is expected" : "the body is not JSON";
		return NULL;
	}
	while (end < text + n && strchr(" \t\r\n", *end) != NULL)
		end++;
	if (end != text + n)
		*why = "something follows the JSON object";
	else if (!cJSON_IsObject(json))
		*why = "the body is not a JSON object";
	else
		return json;
	api_json_wipe(json);
	return NULL;
}

/* As deep as a parsed body is, so at most JSON_DEPTH_MAX. */
static void
json_wipe_strings(cJSON *json)
{
	for (; json != NULL; json = json->next) {
		if (json->valuestring != NULL)
			explicit_bzero(json->valuestring, strlen(json->valuestring));
		json_wipe_strings(json->child);
	}
}

void
api_json_wipe(cJSON *json)
{
	json_wipe_strings(json);
	cJSON_Delete(json);
}

/* "2024-01-01 00:00:00+00" as storage writes it in UTC, as RFC 3339. */
static cJSON *
json_time(const char *text)
{
	char	 iso[48];
	size_t	 n = strlen(text);
	char	*space;

	if (n < 4 || n >= sizeof(iso) || strcmp(text + n - 3, "+00") != 0)
		return cJSON_CreateString(text);
	memcpy(iso, text, n + 1);
	strcpy(iso + n - 3, "Z");
	if ((space = strchr(iso, ' ')) != NULL)
		*space = 'T';
	return cJSON_CreateString(iso);
}

cJSON *
api_json_row(const PGresult *res, int row)
{
	cJSON		*object = cJSON_CreateObject(), *value;
	const char	*text;
	int		 i;

	for (i = 0; i < PQnfields(res); i++) {
		if (PQfname(res, i)[0] == '_')
			continue;
		text = PQgetvalue(res, row, i);
		if (PQgetisnull(res, row, i))
			value = cJSON_CreateNull();
		else
			switch (PQftype(res, i)) {
			case OID_BOOL:
				value = cJSON_CreateBool(text[0] == 't');
				break;
			case OID_INT2:
			case OID_INT4:
			case OID_INT8:
			case OID_NUMERIC:
			case OID_JSON:
			case OID_JSONB:
				value = cJSON_CreateRaw(text);
				break;
			case OID_TIMESTAMPTZ:
				value = json_time(text);
				break;
			default:
				value = cJSON_CreateString(text);
			}
		cJSON_AddItemToObject(object, PQfname(res, i), value);
	}
	return object;
}
