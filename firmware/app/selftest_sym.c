/* Known answers of hashes, SM4 and the random generator (GB/T 32905, GB/T 32907, RFC 8998). */
#include "firmware/app/random.h"
#include "firmware/app/selftest.h"
#include "firmware/base/endian.h"
#include "firmware/crypto/block.h"
#include "firmware/crypto/drbg.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/sm3.h"
#include "firmware/crypto/sm4.h"

#include <string.h>

/* ---------------------------------------------------------------- hashes */

static bool digest_of_abc(enum hash_alg alg, const char *expected)
{
    uint8_t out[HASH_MAX_SIZE];
    return !hash_digest(alg, "abc", 3, out) && selftest_is(out, hash_size(alg), expected);
}

static const char abc_sm3[] = "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0";

static bool test_sm3(const struct selftest_env *e)
{
    (void)e;
    return digest_of_abc(HASH_SM3, abc_sm3);
}

static bool test_sha1(const struct selftest_env *e)
{
    (void)e;
    return digest_of_abc(HASH_SHA1, "A9993E364706816ABA3E25717850C26C9CD0D89D");
}

static bool test_sha2_32(const struct selftest_env *e)
{
    (void)e;
    return digest_of_abc(HASH_SHA224, "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7") &&
           digest_of_abc(HASH_SHA256,
                         "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
}

static bool test_sha2_64(const struct selftest_env *e)
{
    (void)e;
    return digest_of_abc(HASH_SHA384,
                         "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED"
                         "8086072BA1E7CC2358BAECA134C825A7") &&
           digest_of_abc(HASH_SHA512,
                         "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A"
                         "2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F");
}

static bool test_hmac(const struct selftest_env *e)
{
    uint8_t out[32];
    (void)e;
    return !hmac(HASH_SM3, "Jefe", 4, "what do ya want for nothing?", 28, out) &&
           selftest_is(out, sizeof out,
                       "2E87F1D16862E6D964B50A5200BF2B10B764FAA9680A296A2405F24BEC39F882");
}

static bool test_pbkdf2(const struct selftest_env *e)
{
    uint8_t out[32];
    (void)e;
    return !pbkdf2(HASH_SM3, "password", 8, "salt", 4, 2, out, sizeof out) &&
           selftest_is(out, sizeof out,
                       "FEE723A2BC966E11DFFB66133F4E8DF577383C78ADE30E3298EDBD3E54ED85B7");
}

/* ---------------------------------------------------------------- SM4 */

static const char sm4_test_key[] = "0123456789ABCDEFFEDCBA9876543210";
static const char ecb_out[] = "5EC8143DE509CFF7B5179F8F474B86192F1D305A7FB17DF985F81C8482192304";
static const char cbc_out[] = "78EBB11CC40B0A48312AAEB2040244CB4CB7016951909226979B0D15DC6A8F6D";
static const char ctr_out[] = "AC3236CB861DD316E6413B4E3C7524B781E9E3A5BF5C03FE703BB94F3ABB16A1";

/* Key, IV and the two blocks that all modes are tested with. */
struct sm4_case {
    struct sm4_key key;
    uint8_t iv[16], in[32], out[32], back[32];
};

static void sm4_case_init(struct sm4_case *c)
{
    uint8_t k[SM4_KEY];
    selftest_bytes(k, sm4_test_key);
    sm4_set_key(&c->key, k);
    selftest_bytes(c->iv, "000102030405060708090A0B0C0D0E0F");
    selftest_bytes(c->in, "AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB");
}

static bool test_sm4(const struct selftest_env *e)
{
    struct sm4_case c;
    (void)e;
    sm4_case_init(&c);
    sm4_encrypt_blocks(&c.key, c.in, c.out, 2);
    sm4_decrypt_blocks(&c.key, c.out, c.back, 2);
    return selftest_is(c.out, 32, ecb_out) && !memcmp(c.in, c.back, 32);
}

typedef void (*sm4_mode)(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                         size_t n);

static bool mode_is(sm4_mode encrypt, sm4_mode decrypt, const char *expected)
{
    struct sm4_case c;
    uint8_t iv[16];
    sm4_case_init(&c);
    memcpy(iv, c.iv, sizeof iv);
    encrypt(&c.key, iv, c.in, c.out, sizeof c.in);
    decrypt(&c.key, c.iv, c.out, c.back, sizeof c.out);
    return selftest_is(c.out, sizeof c.out, expected) && !memcmp(c.in, c.back, sizeof c.in);
}

static bool test_sm4_modes(const struct selftest_env *e)
{
    struct sm4_case c;
    uint8_t mac[16] = {0};
    (void)e;
    sm4_case_init(&c);
    sm4_cbc_mac(&c.key, mac, c.in, sizeof c.in);
    return mode_is(sm4_cfb_encrypt, sm4_cfb_decrypt,
                   "AC3236CB861DD316E6413B4E3C7524B769D4C54ED433B9A0346009BEB37B2B3F") &&
           mode_is(sm4_ofb, sm4_ofb,
                   "AC3236CB861DD316E6413B4E3C7524B71D01ACA2487CA582CBF5463E6698539B") &&
           mode_is(sm4_ctr, sm4_ctr, ctr_out) &&
           selftest_is(mac, sizeof mac, "D2F1070B07B379E5EE6B68A38E6F9B66");
}

/* RFC 8998 A.1 */
struct gcm_case {
    struct sm4_case c;
    uint8_t nonce[12], aad[20], in[64];
};
static const char gcm_out[] = "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
                              "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D";
static const char gcm_tag[] = "83DE3541E4C2B58177E065A9BF7B62EC";

static void gcm_case_init(struct gcm_case *g)
{
    static const uint8_t text[8] = {0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA};
    sm4_case_init(&g->c);
    selftest_bytes(g->nonce, "00001234567800000000ABCD");
    selftest_bytes(g->aad, "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
    for (size_t i = 0; i < sizeof g->in; i++)
        g->in[i] = text[i / 8];
}

/* Sealed, opened; and a forged tag must be refused. */
static bool test_sm4_gcm(const struct selftest_env *e)
{
    struct gcm_case g;
    uint8_t out[64], back[64], tag[16];
    (void)e;
    gcm_case_init(&g);
    sm4_gcm_seal(&g.c.key, g.nonce, 12, g.aad, sizeof g.aad, g.in, sizeof g.in, out, tag);
    if (!selftest_is(tag, sizeof tag, gcm_tag) || !selftest_is(out, sizeof out, gcm_out))
        return false;
    if (sm4_gcm_open(&g.c.key, g.nonce, 12, g.aad, sizeof g.aad, out, sizeof out, back, tag) ||
        memcmp(back, g.in, sizeof back))
        return false;
    tag[15] ^= 1;
    return sm4_gcm_open(&g.c.key, g.nonce, 12, g.aad, sizeof g.aad, out, sizeof out, back, tag) !=
           0;
}

/* ---------------------------------------------------------------- AES, and modes for all */

#if !HUFU_SMALL

/* FIPS 197 C.1 to C.3 */
static bool test_aes(const struct selftest_env *e)
{
    static const char *const expected[] = {"69C4E0D86A7B0430D8CDB78070B4C55A",
                                           "DDA97CA4864CDFE06EAF70A0EC0D7191",
                                           "8EA2B7CA516745BFEAFC49904B496089"};
    uint8_t k[32], in[16], out[16];
    struct aes_key key;
    (void)e;
    selftest_bytes(k, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
    selftest_bytes(in, "00112233445566778899AABBCCDDEEFF");
    for (size_t i = 0; i < 3; i++) {
        aes_set_key(&key, k, 16 + 8 * i);
        aes_encrypt_blocks(&key, in, out, 1);
        if (!selftest_is(out, sizeof out, expected[i]))
            return false;
        aes_decrypt_blocks(&key, out, out, 1);
        if (memcmp(out, in, sizeof in))
            return false;
    }
    return true;
}

/* CMAC: SP 800-38B D.1, the empty message; key wrap: RFC 3394 4.1. */
static bool test_aes_modes(const struct selftest_env *e)
{
    uint8_t k[16], key[16], out[24], back[16];
    struct block b;
    (void)e;
    selftest_bytes(k, "2B7E151628AED2A6ABF7158809CF4F3C");
    block_set_aes(&b, k, sizeof k);
    block_cmac(&b, NULL, 0, out);
    if (!selftest_is(out, 16, "BB1D6929E95937287FA37D129B756746"))
        return false;
    selftest_bytes(k, "000102030405060708090A0B0C0D0E0F");
    selftest_bytes(key, "00112233445566778899AABBCCDDEEFF");
    block_set_aes(&b, k, sizeof k);
    block_kw_wrap(&b, key, sizeof key, out);
    if (!selftest_is(out, 24, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5") ||
        block_kw_unwrap(&b, out, sizeof out, back) || memcmp(back, key, sizeof key))
        return false;
    out[3] ^= 1;
    return block_kw_unwrap(&b, out, sizeof out, back) != 0;
}

/* GCM: test case 2 of the specification, and a forged tag. */
static bool test_aes_gcm(const struct selftest_env *e)
{
    uint8_t zero[16] = {0}, out[16], tag[16], back[16];
    const struct block_gcm g = {zero, 12, NULL, 0, sizeof tag};
    struct block b;
    (void)e;
    block_set_aes(&b, zero, sizeof zero);
    block_gcm_seal(&b, &g, zero, out, sizeof out, tag);
    if (!selftest_is(out, sizeof out, "0388DACE60B6A392F328C2B971B2FE78") ||
        !selftest_is(tag, sizeof tag, "AB6E47D42CEC13BDF53A67B21257BDDF") ||
        block_gcm_open(&b, &g, out, back, sizeof back, tag) || memcmp(back, zero, sizeof back))
        return false;
    tag[0] ^= 1;
    return block_gcm_open(&b, &g, out, back, sizeof back, tag) != 0;
}

#endif

/* ---------------------------------------------------------------- randomness */

static bool test_drbg(const struct selftest_env *e)
{
    struct drbg d;
    uint8_t entropy[32], nonce[16], again[32], out[32];
    (void)e;
    selftest_bytes(entropy, "3CE9D7F38479D9A267DEC127B6D495AC194180409E26BD8517D36BEC19F3869C");
    selftest_bytes(nonce, "682C884673AFCF1BD4944A903680A0DD");
    selftest_bytes(again, "09216A74C1D4F064A32FDA747E8DC5D7FAC55A4D21A8C2D381AF6C5EC6815C74");
    return !drbg_init(&d, entropy, sizeof entropy, nonce, sizeof nonce, NULL, 0) &&
           !drbg_generate(&d, out, sizeof out, NULL, 0) &&
           !drbg_reseed(&d, again, sizeof again, NULL, 0) &&
           !drbg_generate(&d, out, sizeof out, NULL, 0) &&
           !drbg_generate(&d, out, sizeof out, NULL, 0) &&
           selftest_is(out, sizeof out,
                       "4F761F100F382F22FB53295CCF44956BCBC15395114356EBD3DD1917F2BA2AC5");
}

/* The health tests must notice a stuck source and a biased one, and let a varied one pass. */
static bool test_health(const struct selftest_env *e)
{
    struct health stuck, biased, varied;
    int stuck_seen = 0, biased_seen = 0, varied_seen = 0;
    (void)e;
    health_start(&stuck, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    health_start(&biased, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    health_start(&varied, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    for (unsigned i = 0; i < 2 * HEALTH_WINDOW; i++) {
        stuck_seen |= i < HEALTH_REPEAT_CUTOFF && health_sample(&stuck, 0x5A);
        biased_seen |= health_sample(&biased, (uint8_t)(i % 4 ? i : 0));
        varied_seen |= health_sample(&varied, (uint8_t)(i * 37));
    }
    return stuck_seen && biased_seen && !varied_seen;
}

const struct selftest selftests[] = {
    {"sm3", test_sm3},
    {"sha1", test_sha1},
    {"sha224/256", test_sha2_32},
    {"sha384/512", test_sha2_64},
    {"hmac-sm3", test_hmac},
    {"pbkdf2-sm3", test_pbkdf2},
    {"sm4", test_sm4},
    {"sm4 modes", test_sm4_modes},
    {"sm4-gcm", test_sm4_gcm},
#if !HUFU_SMALL
    {"aes", test_aes},
    {"aes modes", test_aes_modes},
    {"aes-gcm", test_aes_gcm},
#endif
    {"drbg-sm3", test_drbg},
    {"health", test_health},
    {NULL, NULL},
};

/* ---------------------------------------------------------------- the engine's lanes */

static bool test_sm3_lanes(const struct selftest_env *e)
{
    const uint8_t *message[SELFTEST_BATCH];
    uint8_t digest[SELFTEST_BATCH][32];
    bool good = true;
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        message[i] = (const uint8_t *)"abc";
    e->engine->sym->sm3_many(SELFTEST_BATCH, message, 3, digest);
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        good &= selftest_is(digest[i], sizeof digest[i], abc_sm3);
    return good;
}

/* Against one by one, with a carry out of 24 bits among them. */
static bool test_sm3_count(const struct selftest_env *e)
{
    uint8_t number[DRBG_SEED], digest[SELFTEST_BATCH][32], one[32], *low = number + DRBG_SEED - 4;
    bool good = true;
    if (!e->engine->sym->sm3_count)
        return true;
    memset(number, 0x35, sizeof number);
    store_be32(low, 0x35FFFFFC);
    e->engine->sym->sm3_count(number, SELFTEST_BATCH, digest);
    for (size_t i = 0; i < SELFTEST_BATCH; i++) {
        sm3_digest(number, sizeof number, one);
        good &= !memcmp(digest[i], one, sizeof one);
        store_be32(low, load_be32(low) + 1);
    }
    return good;
}

/* A long text, so that all lanes are in use: the first blocks are known, the whole comes back. */
static bool test_sm4_lanes(const struct selftest_env *e)
{
    struct sm4_case c;
    uint8_t in[SELFTEST_BATCH * 32], out[sizeof in], back[sizeof in], iv[16];
    sm4_case_init(&c);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = c.in[i % sizeof c.in];
    e->engine->sym->sm4_encrypt(&c.key, in, out, sizeof in / SM4_BLOCK);
    bool good = selftest_is(out, 32, ecb_out);
    sm4_decrypt_blocks(&c.key, out, out, sizeof out / SM4_BLOCK);
    good &= !memcmp(in, out, sizeof in);
    memcpy(iv, c.iv, sizeof iv);
    sm4_cbc_encrypt(&c.key, iv, in, out, sizeof in);
    good &= selftest_is(out, 32, cbc_out);
    memcpy(iv, c.iv, sizeof iv);
    sm4_cbc_decrypt(e->engine->sym, &c.key, iv, out, back, sizeof out);
    good &= !memcmp(in, back, sizeof in);
    memcpy(iv, c.iv, sizeof iv);
    e->engine->sym->sm4_ctr(&c.key, iv, in, out, sizeof in);
    good &= selftest_is(out, 32, ctr_out);
    sm4_ctr(&c.key, c.iv, out, out, sizeof out);
    return good && !memcmp(in, out, sizeof in);
}

static bool test_gcm_lanes(const struct selftest_env *e)
{
    struct gcm_case g;
    struct sm4_gcm_item item[SELFTEST_BATCH];
    uint8_t out[SELFTEST_BATCH][64], tag[SELFTEST_BATCH][16];
    bool good = true;
    gcm_case_init(&g);
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        item[i] = (struct sm4_gcm_item){g.nonce, 12,          g.aad,  sizeof g.aad,
                                        g.in,    sizeof g.in, out[i], tag[i]};
    e->engine->sym->sm4_gcm_seal(&g.c.key, item, SELFTEST_BATCH);
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        good &= selftest_is(out[i], sizeof out[i], gcm_out) &&
                selftest_is(tag[i], sizeof tag[i], gcm_tag);
    return good;
}

const struct selftest selftests_lanes[] = {
    {"sm3 lanes", test_sm3_lanes},
    {"sm3 numbers", test_sm3_count},
    {"sm4 lanes", test_sm4_lanes},
    {"sm4-gcm lanes", test_gcm_lanes},
    {NULL, NULL},
};
