/*
 * Marks secrets for the constant-time check: built with HUFU_CT_CHECK and run under valgrind, a
 * marked byte is "undefined", so that a branch or an address that depends on it is reported.
 * In every other build the macros vanish.
 *
 *   SECRET(p, n)   n bytes at p are secret from here on
 *   PUBLIC(p, n)   n bytes at p may be shown (an output, or a deliberate exception:
 *                  name it in docs/ct-exceptions.txt)
 */
#ifndef HUFU_BASE_SECRET_H
#define HUFU_BASE_SECRET_H

#ifdef HUFU_CT_CHECK
#include <valgrind/memcheck.h>
#define SECRET(p, n) VALGRIND_MAKE_MEM_UNDEFINED((p), (n))
#define PUBLIC(p, n) VALGRIND_MAKE_MEM_DEFINED((p), (n))
#else
#define SECRET(p, n) ((void)(p), (void)(n))
#define PUBLIC(p, n) ((void)(p), (void)(n))
#endif

#endif
