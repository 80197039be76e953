/*
 * What a client of the load test asked for and what was acknowledged, a line each, in a file that
 * outlives the client: written before the next step is taken, and read again by whoever goes on
 * after a kill.
 *   G TYPE LABEL          a key is asked for
 *   K HANDLE TYPE LABEL PUBLIC   and acknowledged
 *   D HANDLE              is to be destroyed
 *   X HANDLE              acknowledged
 *   L HANDLE LABEL        is to be named so
 *   M HANDLE LABEL        acknowledged
 *   S HANDLE MESSAGE SIGNATURE   (a sample)
 *   C FETCHED BATCH PUBLIC...    a chunk of a batch was handed over
 *   w, W LEFT             a wrong PIN is tried; acknowledged, with the tries left
 *   r, R                  the right PIN is given; acknowledged
 *   T NAME=COUNT...       operations since the last such line
 *   E TEXT                what must not happen
 */
#ifndef HUFU_TESTS_LOAD_JOURNAL_H
#define HUFU_TESTS_LOAD_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "host/lib/hufu.h"

enum { KEYS_MAX = 48, LABEL_ROOM = 32 };

/* A key of this client: acknowledged and not asked to be destroyed. */
struct own_key {
    uint32_t handle;
    uint8_t type;
    char label[LABEL_ROOM];
    uint8_t public_key[HUFU_PUBLIC_MAX];
    size_t public_size;
};

struct keys {
    struct own_key key[KEYS_MAX];
    size_t n;
    unsigned labels; /* given so far */
};

/* Open the journal, making it if need be; keys: what an earlier client of this journal has left.
 * Ends the process when it cannot. */
void journal_open(const char *path, struct keys *keys);
/* One line, in one write. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
/* The same with bytes in hex behind it, and more bytes behind those (NULL: none). */
void note_bytes(const char *head, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

void keys_remove(struct keys *keys, uint32_t handle);

#endif
