/* Accounts and the one place where a PIN is compared. */
#ifndef HUFU_APP_AUTH_H
#define HUFU_APP_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/proto.h"

struct call;
struct device;

enum { ROLE_UNLOCK = 0x80 /* the place of the unlock secret is taken */ };
enum { ACCOUNT_NAME_MAX = 32, ACCOUNT_UNLOCK = 0, PIN_SALT = 16, PIN_VERIFIER = 32 };

struct account {
    uint8_t role; /* 0: there is no such account */
    uint8_t tries, tries_max;
    uint8_t name_size, name[ACCOUNT_NAME_MAX];
};

/* Read all accounts at boot. */
uint16_t auth_load(struct device *d);
bool auth_pin_ok(struct view pin);
/* NULL: none, or the number is that of the unlock secret */
struct account *auth_account(struct device *d, uint8_t number);
unsigned auth_admins(const struct device *d); /* how many administrators there are */

/* Stage the record of an account with its PIN, salted anew; RAM is not touched. */
uint16_t auth_put(struct call *c, uint8_t number, const struct account *a, struct view pin);
/* Stage its tries, which have a record of their own. */
uint16_t auth_put_tries(struct call *c, uint8_t number, uint8_t tries);

/*
 * One try of an account's PIN: the try is counted, committed and read back before the comparison,
 * which is in constant time. SW_OK: right; giving the tries back is staged and counts when the call
 * commits. 63Cx: wrong. SW_PIN_LOCKED, SW_PIN_RANGE, SW_WRONG_DATA (no such account): not tried.
 */
uint16_t auth_try(struct call *c, uint8_t number, struct view pin);

/* The two halves of it, for the unlock secret, which is compared by opening what it seals. */
uint16_t auth_count_try(struct call *c, uint8_t number, struct view pin);
uint16_t auth_tried(struct call *c, uint8_t number, bool right);

#endif
