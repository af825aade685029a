/*
 * The first bytes of a connection. What is found lies within the packet, the packet within the
 * bytes, and cutting it asks for the rest.
 */
#include <stdlib.h>

#include "wire/wire_startup.h"

int	LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_string(const char *s, const uint8_t *p, size_t size)
{
	if ((const uint8_t *)s < p || (const uint8_t *)s + strlen(s) >= p + size)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct wire_startup	s, cut;
	enum wire_startup_kind	kind = wire_startup(p, n, &s);

	switch (kind) {
	case WIRE_STARTUP_MORE:
		if (s.need <= n || s.need > WIRE_STARTUP_MAX)
			abort();
		return 0;
	case WIRE_STARTUP_BAD:
		if (s.problem[0] == '\0')
			abort();
		return 0;
	case WIRE_STARTUP_TLS:
		return 0;
	case WIRE_STARTUP_SSL_REQUEST:
	case WIRE_STARTUP_GSS_REQUEST:
	case WIRE_STARTUP_CANCEL:
	case WIRE_STARTUP_PACKET:
		break;
	}
	if (s.size < 8 || s.size > n || wire_startup(p, s.size - 1, &cut) != WIRE_STARTUP_MORE || cut.need != s.size ||
	    wire_startup(p, s.size, &cut) != kind)
		abort();
	if (kind == WIRE_STARTUP_CANCEL && (s.cancel_secret.n < 4 || s.cancel_secret.n > WIRE_CANCEL_SECRET_MAX))
		abort();
	for (int i = 0; i < s.nparams; i++) {
		check_string(s.params[i].name, p, s.size);
		check_string(s.params[i].value, p, s.size);
		if (wire_startup_param(&s, s.params[i].name) != s.params[i].value)
			abort();
	}
	for (int i = 0; i < s.noptions; i++)
		check_string(s.options[i], p, s.size);
	return 0;
}
