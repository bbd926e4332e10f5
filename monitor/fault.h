/*
 * fault - why something could not be done: a code, and a sentence for people.
 *
 * The sentence names the thing, the place and, where there is one, the remedy.
 * A fault is plain memory of the caller's; it needs no clean-up.
 */
#ifndef FAULT_H
#define FAULT_H

struct fault {
	int	 code;		/* 0 or negative, the codes of monitor.h */
	char	 text[512];
};

/* Fill in a fault (may be NULL) and return its code. */
int fault_set(struct fault *fault, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One static sentence for a code, such as "no such port". */
const char *fault_code_text(int code);

/* The DDI's name of a code, "PP_BUSY"; the errno's name for others. */
const char *fault_code_name(int code);

#endif /* FAULT_H */
