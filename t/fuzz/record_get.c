/*
 * record_get and all that walks what it returns. The first byte chooses whether
 * the input is a frame as it is, or the kind and body of one with a right checksum.
 */
#include <stdlib.h>
#include <string.h>

#include "record/record_codec.h"
#include "record/record_crc.h"
#include "record/record_params.h"
#include "record/record_text.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_text(struct slice s)
{
	struct buf	b = { 0 };

	record_text_put(&b, s);
	if (record_text_run(b.data, b.len) != b.len)
		abort();
	buf_free(&b);
}

static void
fuzz_cstr(const char *s)
{
	fuzz_text((struct slice){ (const unsigned char *)s, strlen(s) });
}

static void
fuzz_event(const struct record_event *e, size_t n)
{
	struct buf	json = { 0 };

	if (e->size > n)
		abort();
	switch (e->kind) {
	case RECORD_STATEMENT:
		fuzz_text(e->statement.text);
		record_params_json(&json, e->params, e->statement.params_cut);
		if (record_text_run(json.data, json.len) != json.len || json.len > 64 + 1024 * n)
			abort();
		buf_free(&json);
		break;
	case RECORD_OUTCOME:
		fuzz_cstr(e->outcome.sqlstate);
		fuzz_cstr(e->outcome.message);
		fuzz_cstr(e->outcome.tag);
		break;
	case RECORD_RESULT:
		fuzz_text(e->result.body);
		break;
	case RECORD_END:
		fuzz_cstr(e->end.reason);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct record_event	e;
	struct buf		b = { 0 };
	unsigned char		*exact;

	if (n < 2)
		return 0;
	if (data[0] & 1) {
		buf_put_u32(&b, (uint32_t)(n - 2));
		buf_put(&b, data + 1, n - 1);
		buf_put_u32(&b, record_crc32c(b.data + 4, b.len - 4));
	} else {
		buf_put(&b, data + 1, n - 1);
	}
	exact = malloc(b.len);
	memcpy(exact, b.data, b.len);
	if (record_get(exact, b.len, &e) == 1)
		fuzz_event(&e, b.len);
	free(exact);
	buf_free(&b);
	return 0;
}
