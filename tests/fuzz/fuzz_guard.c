/*
 * fuzz_guard.c - the first bytes of a connection.
 *
 * More bytes never change a verdict once it is there, and at GUARD_LEN there
 * is one.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/guard.h"
#include "tests/fuzz/target.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum guard_verdict verdict, before = GUARD_MORE;
	size_t n;

	for (n = 0; n <= size && n <= 2 * GUARD_LEN; n++) {
		verdict = guard_look((const char *)data, n);
		if (before != GUARD_MORE && verdict != before)
			abort();
		if (n >= GUARD_LEN && verdict == GUARD_MORE)
			abort();
		if (strlen(guard_verdict_name(verdict)) == 0)
			abort();
		before = verdict;
	}
	return 0;
}
