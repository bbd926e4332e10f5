/*
 * target - what a fuzz target offers: one function that takes foreign bytes.
 *
 * Linked with libFuzzer ("make fuzz") it is fed what that makes up; linked
 * with replay.c ("make check"), the files of its corpus.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>

/* 0; what must not be ends the process with abort(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* TARGET_H */
