/*
 * The names of prepared statements: one for each, until one fails, there is no room, or the connection is another.
 */
#include "store/store_prepared.h"

#include <string.h>

#include "tap.h"

int
main(void)
{
	static const char	one[] = "SELECT 1", two[] = "SELECT 2", many[STORE_PREPARED_MAX][2];
	struct store_prepared	p = { .n = 0 };
	char			name[STORE_PREPARED_NAME], other[STORE_PREPARED_NAME];
	bool			first, room = true;

	ok(store_prepared_name(&p, one, name, &first) && first, "a statement that is new must be prepared");
	ok(store_prepared_name(&p, one, other, &first) && !first, "and then need not");
	is_str(other, name, "under the same name");
	ok(store_prepared_name(&p, two, other, &first) && first && strcmp(name, other) != 0, "another has another name");
	store_prepared_forget(&p, one);
	ok(store_prepared_name(&p, one, other, &first) && first, "one that failed is prepared again");
	ok(strcmp(name, other) != 0, "under a name that was never used");
	ok(store_prepared_name(&p, two, other, &first) && !first, "the others stay");
	for (size_t i = 0; i < STORE_PREPARED_MAX - 3; i++)
		room &= store_prepared_name(&p, many[i], other, &first) && first;
	ok(room, "there is room for many");
	ok(!store_prepared_name(&p, many[STORE_PREPARED_MAX - 1], other, &first), "and an end to it");
	ok(store_prepared_name(&p, two, other, &first) && !first, "which changes nothing for those that are there");
	store_prepared_reset(&p);
	ok(store_prepared_name(&p, two, other, &first) && first, "another connection has none");
	return tap_done();
}
