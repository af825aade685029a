/*
 * A captured result as JSON and CSV. The first byte says where the data is cut in two chunks, and which of the
 * two it becomes; the rest is the body of a first chunk. What comes out as JSON is JSON.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_result.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_row(struct buf *out, struct result *r, struct slice row, bool csv)
{
	cJSON	*json;

	buf_reset(out);
	if (csv) {
		result_put_csv(out, r, row);
		return;
	}
	if (result_put_json(out, r, row) != 0)
		return;
	json = cJSON_Parse(buf_text(out));
	if (json == NULL || cJSON_GetArraySize(json) != (int)r->ncolumns)
		abort();
	cJSON_Delete(json);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct buf	out = { 0 };
	struct result	r;
	struct slice	whole, part, row;
	unsigned char	*exact;
	size_t		cut;

	if (n < 1)
		return 0;
	exact = malloc(n);
	memcpy(exact, data + 1, n - 1);
	if (result_begin(&r, (struct slice){ exact, n - 1 }, &whole) == 0) {
		cut = whole.n * (data[0] >> 1) / 127;
		for (int i = 0; i < 2; i++) {
			part = i == 0 ? (struct slice){ whole.p, cut } : (struct slice){ whole.p + cut, whole.n - cut };
			while (result_next(&r, &part, &row) == 1)
				fuzz_row(&out, &r, row, data[0] & 1);
		}
	}
	buf_reset(&out);
	result_put_columns(&out, &r);
	result_free(&r);
	buf_free(&out);
	free(exact);
	return 0;
}
