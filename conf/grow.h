/*
 * grow - arrays that grow by one, with nothing but their count.
 *
 * Ownership  As realloc(): the result replaces array; NULL leaves it alone.
 */
#ifndef GROW_H
#define GROW_H

#include <stdlib.h>

/* Room for one more in an array that grew from NULL to n by this alone. */
static inline void *
grow(void *array, size_t n, size_t size)
{
	/* There is room for the next power of two. */
	if ((n & (n - 1)) != 0)
		return array;
	return reallocarray(array, n == 0 ? 1 : n * 2, size);
}

#endif /* GROW_H */
