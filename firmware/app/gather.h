/*
 * Single signatures, SM2 verifications and RSA decryptions that arrive together are made together:
 * SIGN, VERIFY and DECRYPT leave their work here, and device_serve has it done before it goes on to
 * anything else. Nothing ever waits for more to come, and a failure concerns its own exchange only.
 * Keys are copied: the cache may need their place.
 */
#ifndef HUFU_APP_GATHER_H
#define HUFU_APP_GATHER_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/app/arena.h"
#include "firmware/app/batch.h"
#include "proto/wire.h"

struct call;

/* Whose work it is. */
struct gathered {
    struct exchange *x;
    uint8_t *signature; /* its place in the response; NULL: a decryption */
    uint32_t object;    /* for the audit record, should it fail */
    uint8_t account;
};

struct gathered_sm2 {
    struct gathered who;
    struct sm2_sign_key key;
};

/* What one RSA decryption takes; the views stay the caller's. */
struct rsa_ciphertext {
    uint8_t scheme, hash; /* CIPHER_RSA_*, DIGEST_* */
    struct view label, data;
};

struct gathered_rsa {
    struct gathered who;
    struct rsa_private key;
    uint8_t em[RSA_MAX_BYTES]; /* the encoded message, or the ciphertext and then what it held */
    struct rsa_ciphertext cipher;
};

struct gather {
    struct gathered_sm2 *sm2;
    const struct sm2_sign_key **sm2_key;
    uint8_t (*e)[32], (*sig)[64];
    size_t sm2_waiting, sm2_max;
    /* verifications: whose, and what */
    struct exchange **verify;
    uint8_t (*verify_pub)[64], (*verify_e)[32], (*verify_sig)[64];
    size_t verify_waiting, verify_max; /* 0: no engine gains anything by it */
    struct gathered_rsa *rsa;
    /* those of one size, as the engine wants them */
    struct gathered_rsa **rsa_one;
    const struct rsa_private **rsa_key;
    const uint8_t **in;
    uint8_t **out;
    size_t rsa_waiting, rsa_max; /* 0: no engine gains anything by it */
};

void gather_lay_out(struct arena *a, struct gather *g, const struct batch *b);
void gather_wipe(struct gather *g);

/* Queue one signature of e; it will be written to `signature`, a place in the response of the call.
 */
void gather_sm2(struct call *c, const struct sm2_sign_key *key, const uint8_t e[32],
                uint8_t *signature);
/* The same with RSA, or at once where there is no queue; a status word. */
uint16_t gather_rsa(struct call *c, const struct rsa_private *key, const struct rsa_encoding *how,
                    uint8_t *signature);
/* The same for a decryption; data is as long as the modulus. */
uint16_t gather_rsa_decrypt(struct call *c, const struct rsa_private *key,
                            const struct rsa_ciphertext *cipher, struct wr *out);
/* Queue one SM2 verification, or make it at once where there is no queue; pub is a public key. A
 * status word. */
uint16_t gather_verify(struct call *c, const uint8_t pub[64], const uint8_t e[32],
                       const uint8_t sig[64]);
/* Make all that are queued, and count the uses of keys with a limit. A failure changes the status
 * word of its exchange. */
void gather_flush(struct device *d);
/* This exchange has failed after all. */
void gather_failed(struct device *d, const struct gathered *g, uint16_t sw);

#endif
