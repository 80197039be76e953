/*
 * The key hierarchy (docs/keys.md): the root of the port opens SYSTEM records; among them, in clear
 * or behind the unlock secret, lies the master key, which opens objects and the wrap-domain key.
 */
#ifndef HUFU_APP_KEYS_H
#define HUFU_APP_KEYS_H

#include "firmware/app/core.h"

enum { ROOT_SIZE = 32, UNLOCK_ITERATIONS = 20000 };

/* What the root says of the device. */
enum root_state { ROOT_NONE, ROOT_SET, ROOT_TERMINATED, ROOT_TAMPERED };

/* Read the root and set what is derived from it: the store's SYSTEM key, the PIN key. -1: the port
 * failed. */
int keys_open_root(struct device *d, enum root_state *state);
/* Give the device a new random root, no root, or the mark of a terminated or tampered device. -1:
 * failed */
int keys_new_root(struct device *d);
int keys_no_root(struct device *d);
int keys_end_root(struct device *d);
int keys_tampered_root(struct device *d);

/* Draw master and wrap-domain keys, open them, stage their records. unlock: empty for an unattended
 * start. */
uint16_t keys_make(struct call *c, struct view unlock);
/* Stage the open master key, sealed under another unlock secret. */
uint16_t keys_seal_master(struct call *c, struct view unlock);
/* Read the master key into d->master; *right false: the unlock secret is wrong (d->master as it
 * was). */
uint16_t keys_unseal_master(struct device *d, struct view unlock, bool *right);
/* Open objects and the wrap-domain key with d->master. */
uint16_t keys_use_master(struct device *d);
/* HMAC-SM3(key of 32 bytes, label) */
void keys_derive(const uint8_t *key, const char *label, uint8_t out[32]);
/* The public name of a wrap-domain key; stage another one; use it. */
void keys_domain_id(const uint8_t key[32], uint8_t id[DOMAIN_ID]);
uint16_t keys_put_domain(struct call *c, const uint8_t key[32]);
void keys_use_domain(struct device *d, const uint8_t key[32]);
/* Close what the master key opened; and what the root opened. */
void keys_lock(struct device *d);
void keys_close(struct device *d);

#endif
