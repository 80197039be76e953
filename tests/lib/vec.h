/*
 * Reader of tests/vectors/NAME.vec: "key = value" lines, a blank line ends a case, # starts a
 * comment line. A value is hex, or "text in quotes", or a plain word. Values may be repeated: "xx" * 64.
 */
#ifndef HUFU_TESTS_VEC_H
#define HUFU_TESTS_VEC_H

#include <stddef.h>
#include <stdint.h>

struct vec; /* an open file, positioned on a case */

/* Open tests/vectors/NAME.vec (HUFU_VECTORS in the environment overrides the folder); exits with a
 * message when it is not there. */
struct vec *vec_open(const char *name);
void vec_close(struct vec *v);
/* Step to the next case: 1, or 0 at the end. */
int vec_next(struct vec *v);
int vec_line(const struct vec *v); /* line number of the case, for messages */
/* 1: the case has this key. */
int vec_has(const struct vec *v, const char *key);
/* The value as text (NULL when absent) or as bytes decoded from hex or quotes; exits when a
 * needed value is absent or malformed. The memory belongs to the reader, until vec_next. */
const char *vec_text(const struct vec *v, const char *key);
const uint8_t *vec_bytes(struct vec *v, const char *key, size_t *n);
/* As vec_bytes, and exits unless the value has just n bytes. */
const uint8_t *vec_exact(struct vec *v, const char *key, size_t n);
unsigned long vec_number(const struct vec *v, const char *key); /* decimal */

/* Test randomness: a seed from HUFU_TEST_SEED or the clock, printed once; xorshift, not for keys. */
uint64_t test_seed(void);
void test_random(void *out, size_t n);
uint32_t test_random_below(uint32_t limit);

#endif
