/*
 * Every self-test is broken on purpose, from below: this program is linked so that what the
 * firmware calls can be damaged, one function at a time (-Wl,--wrap, see the Makefile), and with
 * engines that have one operation that lies. Whatever is broken: the device is FAILED at its start
 * and on command, says which test it was, and gives out nothing.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/app/selftest.h"
#include "firmware/crypto/block.h"
#include "firmware/crypto/ec.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/rsa.h"
#include "firmware/crypto/shamir.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

static const char *broken = "";

static bool is_broken(const char *what)
{
    return !strcmp(broken, what);
}

/* ---------------------------------------------------------------- functions that can be damaged */

/* The first byte of what `out` points to is flipped. */
#define WRAP_VOID(name, params, args, out)                                                         \
    void __real_##name params;                                                                     \
    void __wrap_##name params;                                                                     \
    void __wrap_##name params                                                                      \
    {                                                                                              \
        __real_##name args;                                                                        \
        *(uint8_t *)(out) ^= is_broken(#name);                                                     \
    }
/* The same; or, broken as NAME!, whatever comes is right. */
#define WRAP_INT(name, params, args, out)                                                          \
    int __real_##name params;                                                                      \
    int __wrap_##name params;                                                                      \
    int __wrap_##name params                                                                       \
    {                                                                                              \
        const int result = __real_##name args;                                                     \
        *(uint8_t *)(out) ^= is_broken(#name);                                                     \
        return is_broken(#name "!") ? 0 : result;                                                  \
    }

static uint8_t nothing; /* of functions that give only a verdict */

#define CHAIN (const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
WRAP_VOID(sm4_cbc_encrypt, CHAIN, (key, iv, in, out, n), out)
WRAP_VOID(sm4_cbc_decrypt,
          (const struct sym_ops *ops, const struct sm4_key *key, uint8_t iv[16], const uint8_t *in,
           uint8_t *out, size_t n),
          (ops, key, iv, in, out, n), out)
WRAP_VOID(sm4_cfb_encrypt, CHAIN, (key, iv, in, out, n), out)
WRAP_VOID(sm4_cfb_decrypt, CHAIN, (key, iv, in, out, n), out)
WRAP_VOID(sm4_ofb, CHAIN, (key, iv, in, out, n), out)
WRAP_VOID(sm4_ctr, CHAIN, (key, iv, in, out, n), out)
WRAP_VOID(sm4_cbc_mac, (const struct sm4_key *key, uint8_t mac[16], const uint8_t *in, size_t n),
          (key, mac, in, n), mac)
#define BLOCKS(cipher) (const struct cipher##_key *key, const uint8_t *in, uint8_t *out, size_t n)
WRAP_VOID(sm4_encrypt_blocks, BLOCKS(sm4), (key, in, out, n), out)
WRAP_VOID(sm4_decrypt_blocks, BLOCKS(sm4), (key, in, out, n), out)
WRAP_VOID(aes_encrypt_blocks, BLOCKS(aes), (key, in, out, n), out)
WRAP_VOID(aes_decrypt_blocks, BLOCKS(aes), (key, in, out, n), out)
WRAP_VOID(sm4_gcm_seal,
          (const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size, const uint8_t *aad,
           size_t aad_size, const uint8_t *in, size_t n, uint8_t *out, uint8_t tag[16]),
          (key, nonce, nonce_size, aad, aad_size, in, n, out, tag), tag)
WRAP_INT(sm4_gcm_open,
         (const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size, const uint8_t *aad,
          size_t aad_size, const uint8_t *in, size_t n, uint8_t *out, const uint8_t tag[16]),
         (key, nonce, nonce_size, aad, aad_size, in, n, out, tag), out)
#define BCHAIN (const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
WRAP_VOID(block_cbc_encrypt, BCHAIN, (b, iv, in, out, n), out)
WRAP_VOID(block_cbc_decrypt, BCHAIN, (b, iv, in, out, n), out)
WRAP_VOID(block_ofb, BCHAIN, (b, iv, in, out, n), out)
WRAP_VOID(block_ctr, BCHAIN, (b, iv, in, out, n), out)
WRAP_VOID(block_cfb,
          (const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n,
           int encrypt),
          (b, iv, in, out, n, encrypt), out)
WRAP_VOID(block_cmac, (const struct block *b, const uint8_t *in, size_t n, uint8_t mac[16]),
          (b, in, n, mac), mac)
WRAP_VOID(block_gcm_seal,
          (const struct block *b, const struct block_gcm *g, const uint8_t *in, uint8_t *out,
           size_t n, uint8_t *tag),
          (b, g, in, out, n, tag), out)
WRAP_INT(block_gcm_open,
         (const struct block *b, const struct block_gcm *g, const uint8_t *in, uint8_t *out,
          size_t n, const uint8_t *tag),
         (b, g, in, out, n, tag), out)
WRAP_VOID(block_kw_wrap, (const struct block *b, const uint8_t *in, size_t n, uint8_t *out),
          (b, in, n, out), out)
WRAP_INT(block_kw_unwrap, (const struct block *b, const uint8_t *in, size_t n, uint8_t *out),
         (b, in, n, out), out)
WRAP_INT(block_kwp_unwrap,
         (const struct block *b, const uint8_t *in, size_t n, uint8_t *out, size_t *size),
         (b, in, n, out, size), out)
WRAP_INT(hmac,
         (enum hash_alg alg, const void *key, size_t key_size, const void *data, size_t n,
          uint8_t *out),
         (alg, key, key_size, data, n, out), out)
WRAP_INT(pbkdf2,
         (enum hash_alg alg, const void *password, size_t password_size, const void *salt,
          size_t salt_size, uint32_t iterations, uint8_t *out, size_t n),
         (alg, password, password_size, salt, salt_size, iterations, out, n), out)
WRAP_INT(kdf_x963,
         (enum hash_alg alg, const uint8_t *secret, size_t secret_size, const uint8_t *info,
          size_t info_size, uint8_t *out, size_t n),
         (alg, secret, secret_size, info, info_size, out, n), out)
WRAP_INT(shamir_split,
         (const struct rng *rng, const uint8_t *secret, size_t n, unsigned threshold,
          unsigned count, uint8_t *shares),
         (rng, secret, n, threshold, count, shares), shares)
WRAP_INT(shamir_join,
         (const uint8_t *x, const uint8_t *shares, size_t n, unsigned threshold, uint8_t *secret),
         (x, shares, n, threshold, secret), secret)
WRAP_INT(drbg_generate,
         (struct drbg * d, void *out, size_t n, const void *extra, size_t extra_size),
         (d, out, n, extra, extra_size), out)
WRAP_INT(health_sample, (struct health * h, uint8_t sample), (h, sample), &nothing)
WRAP_INT(sm2_digest,
         (const void *id, size_t id_size, const uint8_t pub[64], const void *m, size_t n,
          uint8_t e[32]),
         (id, id_size, pub, m, n, e), e)
WRAP_INT(sm2_encrypt,
         (const struct rng *rng, const uint8_t pub[64], const void *m, size_t n, uint8_t *out),
         (rng, pub, m, n, out), out)
WRAP_INT(sm2_decrypt, (const uint8_t d[32], const uint8_t *in, size_t n, uint8_t *out),
         (d, in, n, out), out)
WRAP_INT(sm2_exchange,
         (const struct sm2_exchange *x, uint8_t *k, size_t k_size, uint8_t *mine, uint8_t *peer),
         (x, k, k_size, mine, peer), k)
WRAP_INT(rsa_pkcs1_sign_pad,
         (unsigned bits, int alg, const uint8_t *hash, size_t hash_size, uint8_t *em),
         (bits, alg, hash, hash_size, em), em + 1)
WRAP_INT(rsa_public_op,
         (const struct rsa_ops *ops, const struct rsa_public *pub, const uint8_t *in, uint8_t *out,
          void *scratch),
         (ops, pub, in, out, scratch), out)
WRAP_INT(rsa_pss_pad,
         (unsigned bits, enum hash_alg alg, const uint8_t *hash, size_t hash_size,
          const uint8_t *salt, size_t salt_size, uint8_t *em),
         (bits, alg, hash, hash_size, salt, salt_size, em), em)
WRAP_INT(rsa_pss_verify,
         (unsigned bits, enum hash_alg alg, const uint8_t *hash, size_t hash_size, size_t salt_size,
          const uint8_t *em),
         (bits, alg, hash, hash_size, salt_size, em), &nothing)
WRAP_INT(rsa_oaep_pad,
         (const struct rng *rng, unsigned bits, enum hash_alg alg, const uint8_t *label,
          size_t label_size, const uint8_t *m, size_t n, uint8_t *em),
         (rng, bits, alg, label, label_size, m, n, em), em)
WRAP_INT(rsa_oaep_unpad,
         (unsigned bits, enum hash_alg alg, const uint8_t *label, size_t label_size,
          const uint8_t *em, uint8_t *out, size_t *n),
         (bits, alg, label, label_size, em, out, n), out)
WRAP_INT(rsa_pkcs1_encrypt_pad,
         (const struct rng *rng, unsigned bits, const uint8_t *m, size_t n, uint8_t *em),
         (rng, bits, m, n, em), em + 1)
WRAP_INT(rsa_pkcs1_decrypt_unpad,
         (const struct rsa_private *key, const uint8_t *cipher, const uint8_t *em, uint8_t *out,
          size_t *n),
         (key, cipher, em, out, n), out)

/* Those that do not fit the forms above: WRAP_OTHER only names them. */
#define WRAP_OTHER(name, type, params)                                                             \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params

WRAP_OTHER(hash_digest, int, (enum hash_alg alg, const void *data, size_t n, uint8_t *out))
{
    static const char *const names[] = {
        [HASH_SM3] = "SM3",       [HASH_SHA1] = "SHA1",     [HASH_SHA224] = "SHA224",
        [HASH_SHA256] = "SHA256", [HASH_SHA384] = "SHA384", [HASH_SHA512] = "SHA512"};
    const int result = __real_hash_digest(alg, data, n, out);
    out[0] ^= is_broken(names[alg]);
    return result;
}

WRAP_OTHER(block_kwp_wrap, size_t,
           (const struct block *b, const uint8_t *in, size_t n, uint8_t *out))
{
    const size_t size = __real_block_kwp_wrap(b, in, n, out);
    out[0] ^= is_broken("block_kwp_wrap");
    return size;
}

WRAP_OTHER(randomness_periodic, uint32_t, (const uint8_t bits[RANDOMNESS_PERIODIC_BITS / 8]))
{
    return is_broken("randomness_periodic") ? 0 : __real_randomness_periodic(bits);
}

WRAP_OTHER(randomness_poker2, bool, (const uint8_t *bytes, size_t n))
{
    return is_broken("randomness_poker2") || __real_randomness_poker2(bytes, n);
}

/* ---------------------------------------------------------------- curves that lie */

#define CURVE(name)                                                                                \
    extern const struct ec_curve __real_ec_##name;                                                 \
    extern const struct ec_curve __wrap_ec_##name;                                                 \
    static int name##_public(const uint8_t *d, uint8_t *pub)                                       \
    {                                                                                              \
        const int result = __real_ec_##name.public_from_private(d, pub);                           \
        pub[0] ^= is_broken(#name " public");                                                      \
        return result;                                                                             \
    }                                                                                              \
    static int name##_sign(const uint8_t *d, const uint8_t *k, const uint8_t *digest, size_t n,    \
                           uint8_t *sig)                                                           \
    {                                                                                              \
        const int result = __real_ec_##name.sign(d, k, digest, n, sig);                            \
        sig[0] ^= is_broken(#name " sign");                                                        \
        return result;                                                                             \
    }                                                                                              \
    static int name##_verify(const uint8_t *pub, const uint8_t *digest, size_t n,                  \
                             const uint8_t *sig)                                                   \
    {                                                                                              \
        return is_broken(#name " verify!") ? 0 : __real_ec_##name.verify(pub, digest, n, sig);     \
    }                                                                                              \
    static int name##_agree(const uint8_t *d, const uint8_t *peer, uint8_t *x)                     \
    {                                                                                              \
        const int result = __real_ec_##name.agree(d, peer, x);                                     \
        x[0] = (uint8_t)(x[0] ^ (is_broken(#name " agree") ? d[0] : 0));                           \
        return is_broken(#name " agree!") ? 0 : result;                                            \
    }                                                                                              \
    static int name##_check(const uint8_t *pub)                                                    \
    {                                                                                              \
        return __real_ec_##name.public_check(pub);                                                 \
    }
CURVE(p256)
CURVE(p384)
const struct ec_curve __wrap_ec_p256 = {"p256",    32,          p256_check, p256_public,
                                        p256_sign, p256_verify, p256_agree};
const struct ec_curve __wrap_ec_p384 = {"p384",    48,          p384_check, p384_public,
                                        p384_sign, p384_verify, p384_agree};

/* ---------------------------------------------------------------- engines that lie */

static const struct engine *real;
static struct engine liar;
static struct sm2_ops sm2;
static struct rsa_ops rsa;
static struct sym_ops sym;

static void keygen(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok, void *scratch)
{
    real->sm2->keygen(n, k, pub, ok, scratch);
    pub[0][63] ^= is_broken("keygen");
    pub[n - 1][0] ^= is_broken("keygen, the last");
    if (is_broken("keygen!"))
        memset(ok, 1, n);
}

static void sign(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                 const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    real->sm2->sign(n, key, e, k, sig, ok, scratch);
    sig[0][40] ^= is_broken("sign");
    sig[n - 1][40] ^= is_broken("sign, the last");
}

static void verify(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                   const uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    real->sm2->verify(n, pub, e, sig, ok, scratch);
    if (is_broken("verify!") || is_broken("verify"))
        memset(ok, is_broken("verify!"), n);
}

static void check(size_t n, const uint8_t *const *pub, uint8_t *ok)
{
    real->sm2->check(n, pub, ok);
    if (is_broken("check!"))
        memset(ok, 1, n);
    ok[n - 1] ^= is_broken("check, the last");
}

static void private_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                       uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch)
{
    real->rsa->private_op(n, key, in, out, ok, rng, scratch);
    out[0][100] ^= is_broken("private_op");
    out[n - 1][100] ^= is_broken("private_op, the last");
    if (is_broken("private_op!"))
        memset(ok, 1, n);
}

static void prime_test(size_t n, const uint8_t *const *candidate, size_t size, unsigned rounds,
                       uint8_t *ok, const struct rng *rng, void *scratch)
{
    real->rsa->prime_test(n, candidate, size, rounds, ok, rng, scratch);
    if (is_broken("prime_test!"))
        memset(ok, 1, n);
    ok[n - 1] ^= is_broken("prime_test, the last");
}

static void sm3_many(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32])
{
    real->sym->sm3_many(n, message, size, digest);
    digest[n - 1][31] ^= is_broken("sm3_many");
}

static void sm3_count(const uint8_t number[55], size_t n, uint8_t (*digest)[32])
{
    real->sym->sm3_count(number, n, digest);
    digest[n - 1][31] ^= is_broken("sm3_count");
}

static void sm4_blocks(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    real->sym->sm4_encrypt(key, in, out, blocks);
    out[16 * blocks - 1] ^= is_broken("sm4 blocks");
}

static void ctr(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                size_t n)
{
    real->sym->sm4_ctr(key, iv, in, out, n);
    out[n - 1] ^= is_broken("ctr");
}

static void gcm(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items)
{
    real->sym->sm4_gcm_seal(key, item, items);
    item[items - 1].out[0] ^= is_broken("gcm");
    item[items - 1].tag[0] ^= is_broken("gcm tag");
}

/* Each engine of this machine, with every operation able to lie. */
WRAP_OTHER(engine_at, const struct engine *, (size_t i))
{
    real = __real_engine_at(i);
    if (!real)
        return NULL;
    sm2 = *real->sm2;
    rsa = *real->rsa;
    sym = *real->sym;
    sm2.keygen = keygen;
    sm2.sign = sign;
    sm2.verify = verify;
    sm2.check = check;
    rsa.private_op = private_op;
    rsa.prime_test = prime_test;
    sym.sm3_many = sm3_many;
    sym.sm3_count = real->sym->sm3_count ? sm3_count : NULL;
    sym.sm4_encrypt = sm4_blocks;
    sym.sm4_ctr = ctr;
    sym.sm4_gcm_seal = gcm;
    liar = (struct engine){real->name, real->usable, &sm2, &rsa, &sym};
    return &liar;
}

/* ---------------------------------------------------------------- what finds it */

static const struct {
    const char *broken, *found_by;
} cases[] = {
    {"image", "firmware image"},
    {"SM3", "sm3"},
    {"SHA1", "sha1"},
    {"SHA224", "sha224/256"},
    {"SHA256", "sha224/256"},
    {"SHA384", "sha384/512"},
    {"SHA512", "sha384/512"},
    {"hmac", "hmac-sm3"},
    {"pbkdf2", "pbkdf2-sm3"},
    {"sm4_encrypt_blocks", "sm4"},
    {"sm4_decrypt_blocks", "sm4"},
    {"sm4_cbc_encrypt", "sm4 lanes"},
    {"sm4_cbc_decrypt", "sm4 lanes"},
    {"sm4_cfb_encrypt", "sm4 modes"},
    {"sm4_cfb_decrypt", "sm4 modes"},
    {"sm4_ofb", "sm4 modes"},
    {"sm4_ctr", "sm4 modes"},
    {"sm4_cbc_mac", "sm4 modes"},
    {"sm4_gcm_seal", "sm4-gcm"},
    {"sm4_gcm_open", "sm4-gcm"},
    {"sm4_gcm_open!", "sm4-gcm"},
    {"aes_encrypt_blocks", "aes"},
    {"aes_decrypt_blocks", "aes"},
    {"block_cmac", "aes modes"},
    {"block_kw_wrap", "aes modes"},
    {"block_kw_unwrap", "aes modes"},
    {"block_kw_unwrap!", "aes modes"},
    {"block_gcm_seal", "aes-gcm"},
    {"block_gcm_open", "aes-gcm"},
    {"block_gcm_open!", "aes-gcm"},
    {"drbg_generate", "drbg-sm3"},
    {"health_sample!", "health"},
    {"block_cbc_encrypt", "aes chains"},
    {"block_cbc_decrypt", "aes chains"},
    {"block_cfb", "aes chains"},
    {"block_ofb", "aes chains"},
    {"block_ctr", "aes chains"},
    {"block_kwp_wrap", "aes-kwp"},
    {"block_kwp_unwrap", "aes-kwp"},
    {"block_kwp_unwrap!", "aes-kwp"},
    {"kdf_x963", "kdf x9.63"},
    {"shamir_split", "shamir"},
    {"shamir_join", "shamir"},
    {"randomness_periodic", "randomness"},
    {"randomness_poker2", "randomness"},
    {"sm3_many", "sm3 lanes"},
    {"sm3_count", "sm3 numbers"},
    {"sm4 blocks", "sm4 lanes"},
    {"ctr", "sm4 lanes"},
    {"gcm", "sm4-gcm lanes"},
    {"gcm tag", "sm4-gcm lanes"},
    {"keygen", "sm2 key pairs"},
    {"keygen, the last", "sm2 key pairs"},
    {"keygen!", "sm2 key pairs"},
    {"sign", "sm2 sign"},
    {"sign, the last", "sm2 sign"},
    {"verify", "sm2 verify"},
    {"verify!", "sm2 verify"},
    {"check, the last", "sm2 points"},
    {"check!", "sm2 points"},
    {"sm2_digest", "sm2 digest"},
    {"sm2_encrypt", "sm2 encrypt"},
    {"sm2_decrypt", "sm2 encrypt"},
    {"sm2_decrypt!", "sm2 encrypt"},
    {"sm2_exchange", "sm2 exchange"},
    {"p256 public", "ecdsa p-256"},
    {"p256 sign", "ecdsa p-256"},
    {"p256 verify!", "ecdsa p-256"},
    {"p384 public", "ecdsa p-384"},
    {"p384 sign", "ecdsa p-384"},
    {"p384 verify!", "ecdsa p-384"},
    {"p256 agree", "ecdh"},
    {"p256 agree!", "ecdh"},
    {"p384 agree", "ecdh"},
    {"p384 agree!", "ecdh"},
    {"private_op", "rsa"},
    {"private_op, the last", "rsa"},
    {"private_op!", "rsa"},
    {"rsa_pkcs1_sign_pad", "rsa"},
    {"rsa_public_op", "rsa"},
    {"prime_test, the last", "rsa primes"},
    {"prime_test!", "rsa primes"},
    {"rsa_pss_pad", "rsa encodings"},
    {"rsa_pss_verify!", "rsa encodings"},
    {"rsa_oaep_pad", "rsa encodings"},
    {"rsa_oaep_unpad", "rsa encodings"},
    {"rsa_oaep_unpad!", "rsa encodings"},
    {"rsa_pkcs1_encrypt_pad", "rsa padding"},
    {"rsa_pkcs1_decrypt_unpad", "rsa padding"},
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---------------------------------------------------------------- tests */

static struct dev dv;

/* The image that the port shows, in two pieces, and its digest. */
static const uint8_t image[] = "what the firmware was built as",
                     image_sm3[32] = {0x70, 0x17, 0x59, 0xA5, 0x4A, 0x81, 0x33, 0xF2,
                                      0x03, 0xDA, 0x22, 0x08, 0xA9, 0x6D, 0x63, 0x5A,
                                      0x10, 0x62, 0x62, 0x54, 0x6F, 0x77, 0x62, 0x83,
                                      0x68, 0x1D, 0x9F, 0xF1, 0xD0, 0xE6, 0x38, 0x84};

static size_t image_read(void *ctx, size_t offset, uint8_t *out, size_t room)
{
    const size_t n = offset ? sizeof image - offset : 7;
    (void)ctx;
    ck_assert_uint_le(n, room);
    memcpy(out, image + offset, n);
    if (offset == 7)
        out[13] ^= is_broken("image");
    return n;
}

/* Failed, for this reason; and whatever is asked, on whatever session: nothing. */
static void gives_nothing(const char *found_by, uint16_t session)
{
    static const uint8_t data[64];
    const struct info_rsp r = dev_info(&dv);
    char why[FAILURE_MAX + 1];
    snprintf(why, sizeof why, "self-test: %s", found_by);
    ck_assert_uint_eq(r.state, STATE_FAILED);
    ck_assert_uint_eq(r.failure.size, strlen(why));
    ck_assert_mem_eq(r.failure.data, why, r.failure.size);
    const uint64_t touched = dv.sim.count;
    for (size_t i = 0; i < 2 * proto_command_count; i++) {
        const struct command_info *c = &proto_commands[i / 2];
        if (c->states & COMMAND_IN_FAILED)
            continue;
        MUST_BE(SW_DEVICE_FAILED, dev_call(&dv, i % 2 ? session : 0, c->ins, data, sizeof data));
        ck_assert_uint_eq(dv.response_size, 0);
    }
    ck_assert_uint_eq(dv.sim.count, touched);
}

static const char *engine_name(size_t i)
{
    const struct engine *e = __real_engine_at(i);
    return e ? e->name : NULL;
}

static void open_with_engine(size_t i)
{
    dev_prepare(&dv);
    dv.config.engine = engine_name(i);
    dv.hal.image = (struct hal_image){NULL, image_read, image_sm3};
    dev_start(&dv);
    dev_init(&dv, 0);
}

/* At each start, with each engine. */
START_TEST(at_the_start)
{
    for (size_t i = 0; engine_name(i); i++) {
        open_with_engine(i);
        for (size_t k = 0; k < CASES; k++) {
            if (!strcmp(cases[k].broken, "sm3_count") && !sym.sm3_count)
                continue;
            broken = cases[k].broken;
            dev_reboot(&dv);
            gives_nothing(cases[k].found_by, 0);
        }
        broken = "";
        dev_reboot(&dv);
        ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
        dev_close(&dv);
    }
}
END_TEST

/* On command: what was open is gone, and stays so when the tests pass again; a start brings it
 * back. */
START_TEST(on_command)
{
    struct selftest_rsp r;
    open_with_engine(0);
    for (size_t k = 0; k < CASES; k++) {
        if (!strcmp(cases[k].broken, "sm3_count") && !sym.sm3_count)
            continue;
        static const uint8_t none[sizeof dv.d->master];
        const uint16_t ch = dev_login(&dv, DEV_USER);
        broken = cases[k].broken;
        MUST(do_selftest(&dv, 0, &(struct selftest_req){0}, &r));
        ck_assert_uint_ge(r.failed, 1);
        ck_assert_uint_eq(r.first.size, strlen(cases[k].found_by));
        ck_assert_mem_eq(r.first.data, cases[k].found_by, r.first.size);
        gives_nothing(cases[k].found_by, ch);
        ck_assert_mem_eq(dv.d->master, none, sizeof none);
        broken = "";
        MUST(do_selftest(&dv, 0, &(struct selftest_req){0}, &r));
        ck_assert_uint_eq(r.failed, 0);
        gives_nothing(cases[k].found_by, ch);
        dev_reboot(&dv);
        ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    }
    dev_close(&dv);
}
END_TEST

static bool is_found(const char *name)
{
    for (size_t k = 0; k < CASES; k++)
        if (!strcmp(cases[k].found_by, name))
            return true;
    return false;
}

/* No self-test is missing above. */
START_TEST(all_of_them)
{
    static const struct selftest *const tables[] = {selftests_image, selftests, selftests_keys,
                                                    selftests_lanes, selftests_engine};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct selftest *t = tables[i]; t->name; t++)
            ck_assert_msg(is_found(t->name), "nothing breaks the self-test %s", t->name);
}
END_TEST

/* ---------------------------------------------------------------- stored keys */

static uint16_t selftest_by(uint8_t account, struct selftest_rsp *r)
{
    const uint16_t ch = account ? dev_login(&dv, account) : 0;
    return do_selftest(&dv, ch, &(struct selftest_req){0}, r);
}

/* One bit of a stored key is not as it was: found on command, not before; the others can be used
 * after a start, it can be destroyed. */
START_TEST(damaged_key)
{
    struct selftest_rsp r, all;
    char name[32];
    dev_open(&dv);
    dev_init(&dv, 0);
    uint16_t ch = dev_login(&dv, DEV_USER);
    dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    uint8_t *before = malloc(dv.sim.size), *after = malloc(dv.sim.size);
    nvm_sim_save(&dv.sim, before);
    const uint32_t handle = dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    nvm_sim_save(&dv.sim, after);
    dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    MUST(selftest_by(0, &r));
    MUST(selftest_by(DEV_USER, &all));
    ck_assert_uint_eq(r.tests, all.tests);
    for (uint8_t who = DEV_ADMIN; who <= DEV_AUDITOR; who++) {
        MUST(selftest_by(who, &all));
        ck_assert_int_eq(all.tests, r.tests + (who != DEV_USER));
        ck_assert_uint_eq(all.failed, 0);
    }
    size_t at = 0; /* in the middle of what was written for that key: its record comes first */
    while (before[at] == after[at])
        at++;
    nvm_sim_save(&dv.sim, after);
    after[at + 100] ^= 0x10;
    nvm_sim_load(&dv.sim, after);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    MUST(selftest_by(0, &r));
    ck_assert_uint_eq(r.failed, 0);
    MUST(selftest_by(DEV_OPERATOR, &r));
    ck_assert_uint_eq(r.failed, 1);
    snprintf(name, sizeof name, "stored record %08x", (unsigned)handle);
    ck_assert_uint_eq(r.first.size, strlen(name));
    ck_assert_mem_eq(r.first.data, name, r.first.size);
    gives_nothing(name, 0);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    ch = dev_login(&dv, DEV_OPERATOR);
    MUST(do_object_destroy(&dv, ch, &(struct object_destroy_req){handle}, NULL));
    MUST(selftest_by(DEV_OPERATOR, &r));
    ck_assert_uint_eq(r.failed, 0);
    dev_close(&dv);
    free(before);
    free(after);
}
END_TEST

/* A pair that does not fit together is neither stored nor given out; the device stops. */
static const struct {
    const char *broken, *why;
    uint8_t type;
    bool batch;
} pairs[] = {
    {"sign", "pairwise test: sm2", KEY_SM2, false},
    {"keygen", "pairwise test: sm2", KEY_SM2, false},
    {"sign", "pairwise test: key batch", KEY_SM2, true},
    {"p256 public", "pairwise test: p256", KEY_P256, false},
    {"p384 sign", "pairwise test: p384", KEY_P384, false},
    {"p256 sign", "pairwise test: key batch", KEY_P256, true},
    {"private_op", "pairwise test: rsa", KEY_RSA2048, false},
    {"private_op", "pairwise test: key batch", KEY_RSA2048, true},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

START_TEST(pairwise)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    const struct key_batch_req batch = {pairs[_i].type, USAGE_SIGN, 2, 0};
    const struct key_generate_req one = {.type = pairs[_i].type, .usage = USAGE_SIGN};
    broken = pairs[_i].broken;
    MUST_BE(SW_KEY_GENERATION_FAILED, pairs[_i].batch ? do_key_batch(&dv, ch, &batch, NULL)
                                                      : do_key_generate(&dv, ch, &one, NULL));
    ck_assert_uint_eq(dv.response_size, 0);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    ck_assert_uint_eq(dev_info(&dv).failure.size, strlen(pairs[_i].why));
    ck_assert_mem_eq(dev_info(&dv).failure.data, pairs[_i].why, strlen(pairs[_i].why));
    MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){16}, NULL));
    broken = "";
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    ck_assert_uint_eq(dev_info(&dv).objects, 0);
    dev_close(&dv);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_broken");
    TCase *t = suite_case(s, "self-tests", 600, NULL, NULL);
    tcase_add_test(t, at_the_start);
    tcase_add_test(t, on_command);
    tcase_add_test(t, all_of_them);
    tcase_add_test(t, damaged_key);
    tcase_add_loop_test(t, pairwise, 0, PAIRS);
    return suite_run(s);
}
