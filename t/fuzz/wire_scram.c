/*
 * Both SCRAM messages of a client. What is taken apart is made of the message's own bytes.
 */
#include <stdlib.h>

#include "wire/wire_scram.h"

int	LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_nonce(struct slice nonce, size_t max)
{
	if (nonce.n == 0 || nonce.n > max || memchr(nonce.p, ',', nonce.n) != NULL || memchr(nonce.p, 0, nonce.n) != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t		*cut = n ? memchr(p, '\n', n) : NULL;
	struct slice		one = { p, cut != NULL ? (size_t)(cut - p) : n };
	struct slice		two = { cut != NULL ? cut + 1 : p, cut != NULL ? n - one.n - 1 : n };
	struct wire_scram_first	first;
	struct wire_scram_final	final;
	bool			begun = wire_scram_first(one, &first) == 0;

	if (begun) {
		check_nonce(first.nonce, WIRE_SCRAM_NONCE_MAX);
		if (first.gs2_header.p != one.p || first.gs2_header.n + first.bare.n != one.n ||
		    first.bare.p != one.p + first.gs2_header.n || (first.gs2_flag == 'p') != (first.binding_type.n > 0))
			abort();
	}
	if (wire_scram_final(two, &final) != 0)
		return 0;
	check_nonce(final.nonce, 2 * WIRE_SCRAM_NONCE_MAX);
	if (final.without_proof.p != two.p || final.without_proof.n + strlen(",p=") + 44 != two.n)
		abort();
	if (begun) {
		wire_scram_binding_ok(&first, &final, (struct slice){ NULL, 0 });
		wire_scram_binding_ok(&first, &final, (struct slice){ (const unsigned char *)"0123456789", 10 });
	}
	return 0;
}
