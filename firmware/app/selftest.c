#include "firmware/app/selftest.h"

#include "firmware/app/core.h"
#include "firmware/crypto/drbg.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/sm4.h"

#include <string.h>

size_t selftest_bytes(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        const int high = hex[0] <= '9' ? hex[0] - '0' : hex[0] - 'A' + 10;
        const int low = hex[1] <= '9' ? hex[1] - '0' : hex[1] - 'A' + 10;
        out[n++] = (uint8_t)(high << 4 | low);
    }
    return n;
}

bool selftest_is(const uint8_t *bytes, size_t n, const char *hex)
{
    for (size_t i = 0; i < n; i++, hex += 2) {
        uint8_t b;
        const char two[3] = {hex[0], hex[0] ? hex[1] : 0, 0};
        if (!selftest_bytes(&b, two) || b != bytes[i])
            return false;
    }
    return *hex == 0;
}

/* ---------------------------------------------------------------- hashes */

static bool digest_of_abc(enum hash_alg alg, const char *expected)
{
    uint8_t out[HASH_MAX_SIZE];
    return !hash_digest(alg, "abc", 3, out) && selftest_is(out, hash_size(alg), expected);
}

static bool test_sm3(const struct selftest_env *e)
{
    (void)e;
    return digest_of_abc(HASH_SM3, "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0");
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
    return selftest_is(c.out, 32, "5EC8143DE509CFF7B5179F8F474B86192F1D305A7FB17DF985F81C8482192304") &&
           !memcmp(c.in, c.back, 32);
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
    return mode_is(sm4_cbc_encrypt, sm4_cbc_decrypt,
                   "78EBB11CC40B0A48312AAEB2040244CB4CB7016951909226979B0D15DC6A8F6D") &&
           mode_is(sm4_cfb_encrypt, sm4_cfb_decrypt,
                   "AC3236CB861DD316E6413B4E3C7524B769D4C54ED433B9A0346009BEB37B2B3F") &&
           mode_is(sm4_ofb, sm4_ofb,
                   "AC3236CB861DD316E6413B4E3C7524B71D01ACA2487CA582CBF5463E6698539B") &&
           mode_is(sm4_ctr, sm4_ctr,
                   "AC3236CB861DD316E6413B4E3C7524B781E9E3A5BF5C03FE703BB94F3ABB16A1") &&
           selftest_is(mac, sizeof mac, "D2F1070B07B379E5EE6B68A38E6F9B66");
}

/* RFC 8998 A.1; and a forged tag must be refused */
static bool test_sm4_gcm(const struct selftest_env *e)
{
    struct sm4_case c;
    uint8_t nonce[12], aad[20], in[64], out[64], tag[16];
    (void)e;
    sm4_case_init(&c);
    selftest_bytes(nonce, "00001234567800000000ABCD");
    selftest_bytes(aad, "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(0x11 * ("\xA\xB\xC\xD\xE\xF\xE\xA"[i / 8]));
    sm4_gcm_seal(&c.key, nonce, 12, aad, sizeof aad, in, sizeof in, out, tag);
    if (!selftest_is(tag, sizeof tag, "83DE3541E4C2B58177E065A9BF7B62EC") ||
        !selftest_is(out, sizeof out,
                     "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
                     "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"))
        return false;
    if (sm4_gcm_open(&c.key, nonce, 12, aad, sizeof aad, out, sizeof out, in, tag) || in[0] != 0xAA)
        return false;
    tag[15] ^= 1;
    return sm4_gcm_open(&c.key, nonce, 12, aad, sizeof aad, out, sizeof out, in, tag) != 0;
}

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
    health_start(&stuck);
    health_start(&biased);
    health_start(&varied);
    for (unsigned i = 0; i < 2 * HEALTH_WINDOW; i++) {
        stuck_seen |= i < HEALTH_REPEAT_CUTOFF && health_sample(&stuck, 0x5A);
        biased_seen |= health_sample(&biased, (uint8_t)(i % 4 ? i : 0));
        varied_seen |= health_sample(&varied, (uint8_t)(i * 37));
    }
    return stuck_seen && biased_seen && !varied_seen;
}

const struct selftest selftests[] = {
    {"sm3", test_sm3},           {"sha1", test_sha1},           {"sha224/256", test_sha2_32},
    {"sha384/512", test_sha2_64}, {"hmac-sm3", test_hmac},       {"pbkdf2-sm3", test_pbkdf2},
    {"sm4", test_sm4},           {"sm4 modes", test_sm4_modes}, {"sm4-gcm", test_sm4_gcm},
    {"drbg-sm3", test_drbg},     {"health", test_health},       {NULL, NULL},
};

/* ---------------------------------------------------------------- running them */

/* A stream for the tests: SM3 of a counter. Not secret, not random. */
struct fixed {
    uint64_t counter;
};

static int fixed_fill(void *ctx, void *out, size_t n)
{
    struct fixed *f = ctx;
    uint8_t *p = out, block[SM3_SIZE];
    for (size_t part; n; n -= part, p += part) {
        part = n < sizeof block ? n : sizeof block;
        f->counter++;
        sm3_digest(&f->counter, sizeof f->counter, block);
        memcpy(p, block, part);
    }
    return 0;
}

unsigned selftest_run(const struct selftest *table, const struct selftest_env *e, unsigned *failed,
                      const char **first)
{
    unsigned n = 0;
    for (; table[n].name; n++) {
        if (table[n].run(e))
            continue;
        if (!(*failed)++)
            *first = table[n].name;
    }
    return n;
}

static bool same_name(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

bool selftest_choose_engine(struct device *d)
{
    struct fixed fixed = {0};
    const struct lane *lane = &d->batch.lanes[0];
    struct selftest_env e = {NULL, {fixed_fill, &fixed}, lane->rsa, lane->scratch};
    const char *first = "no such engine";
    unsigned failed = 0;
    selftest_run(selftests, &e, &failed, &first);
    for (size_t i = 0; (e.engine = engine_at(i)) && !failed && !d->engine; i++) {
        unsigned wrong = 0;
        if (d->engine_wanted[0] && !same_name(d->engine_wanted, e.engine->name))
            continue;
        selftest_run(selftests_engine, &e, &wrong, &first);
        if (!wrong)
            d->engine = e.engine;
    }
    if (!d->engine)
        device_fail(d, "self-test", first);
    return d->engine != NULL;
}

unsigned selftest_all(struct device *d, unsigned *failed, const char **first)
{
    struct fixed fixed = {0};
    const struct lane *lane = &d->batch.lanes[0];
    const struct selftest_env e = {d->engine, {fixed_fill, &fixed}, lane->rsa, lane->scratch};
    *failed = 0;
    unsigned n = selftest_run(selftests, &e, failed, first);
    if (e.engine)
        n += selftest_run(selftests_engine, &e, failed, first);
    else if (!(*failed)++)
        *first = "engine";
    return n;
}
