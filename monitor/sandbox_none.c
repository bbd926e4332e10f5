/*
 * sandbox_none.c - for systems and builds without seccomp; see sandbox.h.
 */
#include "sandbox.h"

int
sandbox_enter(uint32_t needs, struct fault *fault)
{
	(void)needs;
	(void)fault;
	return 0;
}

const char *
sandbox_name(void)
{
	return "none";
}
