/*
 * Any bytes as a statement, as startup options, and as the parser's output. The first byte chooses, so that the
 * corpora of all three grow in one run.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/policy_json.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy	reading = { .access = POLICY_READ, .superuser = true, .functions = "a.b, c.*, d",
	.refused = POLICY_LISTEN, .work_mem_max = 1000000, .statement_timeout_max = 1000 };
static const struct policy	writing = { .access = POLICY_WRITE, .role = "me" };

static void
check(const struct policy_verdict *v)
{
	/* a refusal says what, why and under which code */
	if (!v->allowed && (v->message[0] == '\0' || v->rule[0] == '\0' || strlen(v->sqlstate) != 5))
		abort();
	if (v->allowed && v->sqlstate[0] != '\0')
		abort();
}

static void
judge_tree(const char *text, size_t size)
{
	struct json_tree	t;

	if (policy_json_read(&t, text, size, 100) == JSON_OK)
		for (uint32_t i = 0; i < t.count; i++) {
			uint32_t	steps = 0;

			if (t.nodes[i].end <= i || t.nodes[i].end > t.count)
				abort();
			for (uint32_t k = policy_json_first(&t, i); k != 0; k = policy_json_next(&t, k))
				if (t.nodes[k].parent != i || ++steps > t.count)
					abort();
			if (policy_json_value(&t, i).n > size || policy_json_name(&t, i).n > size)
				abort();
		}
	policy_json_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_verdict	v;
	char			*text;

	if (size == 0)
		return 0;
	switch (data[0]) {
	case '-':
		text = strndup((const char *)data, size);
		policy_options(&reading, text, &v);
		free(text);
		check(&v);
		break;
	case '{':
		judge_tree((const char *)data, size);
		break;
	default:
		policy_statement(&reading, (struct slice){ data, size }, &v);
		check(&v);
		policy_statement(&writing, (struct slice){ data, size }, &v);
		check(&v);
	}
	return 0;
}
