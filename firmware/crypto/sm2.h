/*
 * SM2 (GB/T 32918): the schemes. Public keys and points are 64 bytes x || y, scalars and digests
 * 32 bytes, all big-endian. All functions return 0, or -1 with their outputs wiped.
 * Batches go through the engine (engine.h); these are the single operations on top of it and
 * what has no batch form.
 */
#ifndef HUFU_CRYPTO_SM2_H
#define HUFU_CRYPTO_SM2_H

#include "firmware/crypto/engine.h"
#include "firmware/crypto/rng.h"

enum {
    SM2_SCALAR = 32,
    SM2_POINT = 64,
    SM2_SIGNATURE = 64,       /* r || s */
    SM2_CIPHER_OVERHEAD = 96, /* C1 (64, without the 04) || C3 (32), then C2 */
    SM2_MAX_ID = 8191,        /* ENTL is a 16-bit count of bits */
    SM2_SIGNATURE_DER_MAX = 72
};

/* Default signer's ID of GM/T 0009: "1234567812345678", 16 bytes. */
extern const uint8_t sm2_default_id[16];

/* 0: coordinates < p and on the curve (never infinity in this form). CT: public inputs only. */
int sm2_public_check(const uint8_t pub[SM2_POINT]);
/* pub = [d]G; -1: d not in [1, n-2]. CT: only whether d is in range */
int sm2_public_from_private(const struct sm2_ops *ops, const uint8_t d[32], uint8_t pub[64]);
/* A key pair; draws again when a candidate is out of range. CT: yes */
int sm2_keygen(const struct sm2_ops *ops, const struct rng *rng, uint8_t d[32], uint8_t pub[64]);
/* (1+d)^-1 mod n kept with the key. -1: d not in [1, n-2]. CT: only whether d is in range */
int sm2_sign_key(struct sm2_sign_key *key, const uint8_t d[32]);
/* Signature of the digest e. CT: yes */
int sm2_sign(const struct sm2_ops *ops, const struct rng *rng, const struct sm2_sign_key *key,
             const uint8_t e[32], uint8_t sig[64]);
/*
 * The same with a nonce that was made ahead: k in [1, n-1] and x, the first coordinate of [k]G.
 * Both are of no use afterwards and the caller's to wipe. -1 as well: r = 0, r + k = n or s = 0.
 * CT: yes
 */
int sm2_sign_ready(const struct sm2_sign_key *key, const uint8_t e[32], const uint8_t k[32],
                   const uint8_t x[32], uint8_t sig[64]);
/* 0: the signature is right. Checks pub, 1 <= r,s < n, r+s != 0. CT: public inputs only */
int sm2_verify(const struct sm2_ops *ops, const uint8_t pub[64], const uint8_t e[32],
               const uint8_t sig[64]);

/* Z of clause 5.5 in GB/T 32918.2; -1: the ID is longer than SM2_MAX_ID. CT: public inputs only */
int sm2_z(const void *id, size_t id_size, const uint8_t pub[64], uint8_t z[32]);
/* e = SM3(Z || M). CT: id, pub, and n */
int sm2_digest(const void *id, size_t id_size, const uint8_t pub[64], const void *m, size_t n,
               uint8_t e[32]);

/* out: C1 || C3 || C2, n + SM2_CIPHER_OVERHEAD bytes, apart from m; n >= 1. -1: pub is not on the
 * curve. CT: n only */
int sm2_encrypt(const struct rng *rng, const uint8_t pub[64], const void *m, size_t n,
                uint8_t *out);
/*
 * in: C1 || C3 || C2; out: n - SM2_CIPHER_OVERHEAD bytes, apart from in. CT: n, and whether
 * decryption succeeded
 */
int sm2_decrypt(const uint8_t d[32], const uint8_t *in, size_t n, uint8_t *out);

/*
 * Key exchange (GB/T 32918.3), one side. z_a, z_b: Z of initiator and responder, whichever side we
 * are. k: k_size bytes of key. s_mine / s_peer: confirmation hashes (S_A is 03, S_B is 02), may
 * be NULL. -1: a point of the peer is off the curve, d or r out of range, or the common point is
 * infinity. CT: public inputs, and whether it succeeded
 */
struct sm2_exchange {
    int initiator;
    const uint8_t *d, *r, *r_pub;         /* own private key, own temporary pair */
    const uint8_t *peer_pub, *peer_r_pub; /* peer's key and temporary point, both checked here */
    const uint8_t *z_a, *z_b;
};
int sm2_exchange(const struct sm2_exchange *x, uint8_t *k, size_t k_size, uint8_t *s_mine,
                 uint8_t *s_peer);

/*
 * DER of GM/T 0009. Readers are strict: definite lengths, minimal integers, nothing left over.
 * Writers return the number of bytes, readers 0 or -1.
 * CT: signatures and ciphertexts are public.
 */
size_t sm2_signature_to_der(const uint8_t sig[64], uint8_t out[SM2_SIGNATURE_DER_MAX]);
int sm2_signature_from_der(const uint8_t *in, size_t n, uint8_t sig[64]);
size_t sm2_cipher_der_max(size_t n); /* room for n bytes of C2 */
/* raw: C1 || C3 || C2, n bytes of it all; 0: n is no more than SM2_CIPHER_OVERHEAD */
size_t sm2_cipher_to_der(const uint8_t *raw, size_t n, uint8_t *out);
/* raw: room for n bytes; *raw_size: bytes of C1 || C3 || C2. -1 also when C1 || C3 || C2 is longer
 * than the DER: more than eight leading zero bytes in the coordinates, which no honest point has
 * (2^-64). */
int sm2_cipher_from_der(const uint8_t *in, size_t n, uint8_t *raw, size_t *raw_size);

#endif
