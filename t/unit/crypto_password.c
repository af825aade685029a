/*
 * Argon2id: right, wrong, and strings that would cost more than we have.
 */
#include "crypto/crypto_password.h"

#include <stdint.h>
#include <time.h>

#include "tap.h"

#define TAIL	"$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* Processor time: the machine may be busy. */
static int64_t
cpu_us(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t
timed(const char *phc, const char *password)
{
	int64_t	best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t	t0 = cpu_us(), took;

		crypto_password_verify(phc, password);
		took = cpu_us() - t0;
		best = took < best ? took : best;
	}
	return best;
}

int
main(void)
{
	static const char *const	refused[] = {
		"", "$", "x", "admin", "$argon2id", "$argon2id$v=19", "$argon2id$v=19$",
		"$argon2i$v=19$m=64,t=1,p=1" TAIL,
		"$argon2id$m=64,t=1,p=1" TAIL,
		"$argon2id$v=20$m=64,t=1,p=1" TAIL,
		"$argon2id$v=19$m=1048577,t=1,p=1" TAIL,
		"$argon2id$v=19$m=4294967295,t=1,p=1" TAIL,
		"$argon2id$v=19$m=4294967360,t=1,p=1" TAIL,
		"$argon2id$v=19$m=99999999999999999999,t=1,p=1" TAIL,
		"$argon2id$v=19$m=64,t=65,p=1" TAIL,
		"$argon2id$v=19$m=64,t=4294967295,p=1" TAIL,
		"$argon2id$v=19$m=16384,t=1,p=17" TAIL,
		"$argon2id$v=19$m=0,t=1,p=1" TAIL,
		"$argon2id$v=19$m=-1,t=1,p=1" TAIL,
		"$argon2id$v=19$m= 64,t=1,p=1" TAIL,
		"$argon2id$v=19$m=64,t=1" TAIL,
		"$argon2id$v=19$m=64,t=1,p=1",
		"$argon2id$v=19$m=64,t=1,p=1$",
		"$argon2id$v=19$m=64,t=1,p=1$$",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
		"$argon2id$v=19$m=64,t=1,p=1$!!!!!!!!!!!$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=1" TAIL "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	char	phc[CRYPTO_PHC_SIZE], again[CRYPTO_PHC_SIZE];
	int	accepted = 0;
	int64_t	t0, known, unknown;

	crypto_password_hash("secret123", phc);
	ok(strncmp(phc, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0, "a PHC string: %.31s", phc);
	ok(crypto_password_verify(phc, "secret123"), "the password is right");
	ok(!crypto_password_verify(phc, "secret124"), "another is wrong");
	ok(!crypto_password_verify(phc, ""), "none is wrong");
	ok(!crypto_password_verify(phc, "secret123 "), "a longer one is wrong");
	crypto_password_hash("secret123", again);
	ok(strcmp(phc, again) != 0, "hashed twice it is different");
	ok(!crypto_password_verify(NULL, "secret123"), "an unknown user's is wrong");
	crypto_password_hash("", again);
	ok(crypto_password_verify(again, "") && !crypto_password_verify(again, "x"), "an empty password is one");

	/* of the Argon2 reference implementation's own tests */
	ok(crypto_password_verify("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
	    "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"), "a known hash of other parameters is right");

	t0 = cpu_us();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (crypto_password_verify(refused[i], "secret123")) {
			accepted++;
			printf("# accepted: %s\n", refused[i]);
		}
	is_int(accepted, 0, "malformed and unaffordable strings are false");
	ok(cpu_us() - t0 < 1000000, "and cost nothing");

	phc[strlen(phc) - 2] ^= 1;
	ok(!crypto_password_verify(phc, "secret123"), "a changed hash is wrong");

	known = timed(again, "secret123");
	unknown = timed(NULL, "secret123");
	ok(known < unknown * 2 && unknown < known * 2, "known and unknown users cost the same: %lld and %lld us",
	    (long long)known, (long long)unknown);
	return tap_done();
}
