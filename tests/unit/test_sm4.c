/* SM4: the S-box circuit, known answers, and OpenSSL, Botan and libgcrypt over random inputs. */
#include <botan/ffi.h>
#include <check.h>
#include <gcrypt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/engine.h"
#include "firmware/crypto/sm4.h"
#include "tests/lib/vec.h"

#define SM4_SBOX circuit
#define SM4_WORD uint32_t
#include "firmware/crypto/sm4_sbox.h"

enum { LONGEST = 4096 };

/* n random bytes in a block of just that size, so that a sanitizer sees any step beyond */
static uint8_t *fresh(size_t n)
{
    uint8_t *p = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(p);
    test_random(p, n);
    return p;
}

START_TEST(sbox_circuit)
{
    struct vec *v = vec_open("sm4");
    ck_assert(vec_next(v));
    const uint8_t *table = vec_exact(v, "sbox", 256);
    for (unsigned base = 0; base < 256; base += 32) {
        uint32_t plane[8] = {0};
        for (unsigned lane = 0; lane < 32; lane++)
            for (unsigned k = 0; k < 8; k++)
                plane[k] |= (((base + lane) ^ 0x75) >> k & 1) << lane;
        circuit(plane);
        for (unsigned lane = 0; lane < 32; lane++) {
            unsigned y = 0xD3;
            for (unsigned k = 0; k < 8; k++)
                y ^= (plane[k] >> lane & 1) << k;
            ck_assert_msg(y == table[base + lane], "S(%02X) is %02X", base + lane, y);
        }
    }
    vec_close(v);
}
END_TEST

START_TEST(block_answers)
{
    struct vec *v = vec_open("sm4");
    int cases = 0;
    ck_assert(vec_next(v));
    for (; vec_next(v); cases++) {
        struct sm4_key key;
        uint8_t x[16];
        const unsigned long times = vec_number(v, "times");
        sm4_set_key(&key, vec_exact(v, "key", 16));
        ck_assert_uint_eq(key.rk[0], strtoul(vec_text(v, "first_round_key"), NULL, 16));
        ck_assert_uint_eq(key.rk[31], strtoul(vec_text(v, "last_round_key"), NULL, 16));
        memcpy(x, vec_exact(v, "plain", 16), 16);
        for (unsigned long i = 0; i < times; i++)
            sm4_encrypt_blocks(&key, x, x, 1);
        ck_assert_mem_eq(x, vec_exact(v, "cipher", 16), 16);
        for (unsigned long i = 0; i < times && i < 1000; i++)
            sm4_decrypt_blocks(&key, x, x, 1);
        if (times <= 1000)
            ck_assert_mem_eq(x, vec_exact(v, "plain", 16), 16);
    }
    vec_close(v);
    ck_assert_int_eq(cases, 2);
}
END_TEST

/* ---------------------------------------------------------------- ECB, CBC, CTR, CFB, OFB */

typedef void mode_fn(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n);

static void ecb_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                        size_t n)
{
    (void)iv;
    sm4_encrypt_blocks(key, in, out, n / 16);
}

static void ecb_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                        size_t n)
{
    (void)iv;
    sm4_decrypt_blocks(key, in, out, n / 16);
}

/* With one engine and the next one; not in place: the blocks before are needed to the end. */
static void cbc_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                        size_t n)
{
    static size_t turn;
    const struct engine *e = engine_at(turn++ & 1);
    uint8_t *copy = malloc(n + 1);
    memcpy(copy, in, n);
    sm4_cbc_decrypt((e ? e : engine_at(0))->sym, key, iv, copy, out, n);
    free(copy);
}

static const struct mode {
    const char *name;
    const EVP_CIPHER *(*evp)(void);
    mode_fn *encrypt, *decrypt;
    size_t step; /* lengths are multiples of this */
} modes[] = {
    {"ecb", EVP_sm4_ecb, ecb_encrypt, ecb_decrypt, 16},
    {"cbc", EVP_sm4_cbc, sm4_cbc_encrypt, cbc_decrypt, 16},
    {"ctr", EVP_sm4_ctr, sm4_ctr, sm4_ctr, 1},
    {"cfb", EVP_sm4_cfb128, sm4_cfb_encrypt, sm4_cfb_decrypt, 1},
    {"ofb", EVP_sm4_ofb, sm4_ofb, sm4_ofb, 1},
};
enum { MODES = sizeof modes / sizeof modes[0] };

static void openssl_encrypt(const struct mode *m, const uint8_t k[16], const uint8_t iv[16],
                            const uint8_t *in, uint8_t *out, size_t n)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int size = 0, last = 0;
    ck_assert_int_eq(EVP_EncryptInit_ex(c, m->evp(), NULL, k, iv), 1);
    EVP_CIPHER_CTX_set_padding(c, 0);
    ck_assert_int_eq(EVP_EncryptUpdate(c, out, &size, in, (int)n), 1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(c, out + size, &last), 1);
    ck_assert_uint_eq((size_t)(size + last), n);
    EVP_CIPHER_CTX_free(c);
}

/* In one call, in pieces, and in place; there and back. */
static void compare(const struct mode *m, const uint8_t k[16], const uint8_t iv[16], size_t n)
{
    uint8_t *plain = fresh(n), *got = fresh(n), expected[LONGEST + 16], chain[16];
    struct sm4_key key;
    sm4_set_key(&key, k);
    openssl_encrypt(m, k, iv, plain, expected, n);

    memcpy(chain, iv, 16);
    m->encrypt(&key, chain, plain, got, n);
    ck_assert_msg(!memcmp(got, expected, n), "%s of %zu bytes", m->name, n);
    memcpy(chain, iv, 16);
    memset(got, 0, n);
    m->decrypt(&key, chain, expected, got, n);
    ck_assert_msg(!memcmp(got, plain, n), "%s back, %zu bytes", m->name, n);

    memcpy(chain, iv, 16); /* got is plain now */
    for (size_t done = 0; done < n;) {
        size_t take = 16 * test_random_below(n > 600 ? 80 : 10);
        if (take > n - done)
            take = n - done;
        m->encrypt(&key, chain, got + done, got + done, take);
        done += take;
    }
    ck_assert_msg(!memcmp(got, expected, n), "%s in pieces, %zu bytes", m->name, n);
    memcpy(chain, iv, 16);
    for (size_t done = 0; done < n;) {
        size_t take = 16 * test_random_below(n > 600 ? 80 : 10);
        if (take > n - done)
            take = n - done;
        m->decrypt(&key, chain, got + done, got + done, take);
        done += take;
    }
    ck_assert_msg(!memcmp(got, plain, n), "%s back in pieces, %zu bytes", m->name, n);
    free(plain);
    free(got);
}

START_TEST(mode_lengths)
{
    const struct mode *m = &modes[_i];
    uint8_t k[16], iv[16];
    for (size_t n = 0; n <= 300; n += m->step) {
        test_random(k, 16);
        test_random(iv, 16);
        compare(m, k, iv, n);
    }
    for (int turn = 0; turn < 60; turn++) {
        /* around whole batches of 8 and 32 blocks, and anywhere */
        size_t n = turn % 3 == 0   ? 512u * (1 + test_random_below(6)) + test_random_below(3)
                   : turn % 3 == 1 ? 128u * (1 + test_random_below(20)) - test_random_below(2)
                                   : test_random_below(LONGEST + 1);
        n -= n % m->step;
        test_random(k, 16);
        test_random(iv, 16);
        compare(m, k, iv, n);
    }
}
END_TEST

/* CTR counts over all 128 bits. */
START_TEST(ctr_carries)
{
    uint8_t k[16], iv[16];
    for (size_t ones = 1; ones <= 16; ones++)
        for (uint8_t less = 0; less < 40; less++) {
            test_random(k, 16);
            test_random(iv, 16);
            memset(iv + 16 - ones, 0xFF, ones);
            iv[15] = (uint8_t)(0xFF - less);
            compare(&modes[2], k, iv, 700);
        }
}
END_TEST

START_TEST(mode_answers)
{
    struct vec *v = vec_open("sm4_modes");
    int cases = 0;
    for (; vec_next(v); cases++) {
        const char *name = vec_text(v, "mode");
        uint8_t iv[16], got[64];
        size_t n, size;
        struct sm4_key key;
        const uint8_t *plain = vec_bytes(v, "plain", &n);
        const uint8_t *cipher = vec_bytes(v, "cipher", &size);
        ck_assert_uint_le(n, sizeof got);
        memcpy(iv, vec_exact(v, "iv", 16), 16);
        sm4_set_key(&key, vec_exact(v, "key", 16));
        if (!strcmp(name, "mac")) {
            ck_assert_uint_eq(size, 16);
            sm4_cbc_mac(&key, iv, plain, n);
            ck_assert_mem_eq(iv, cipher, 16);
            continue;
        }
        size_t i = 0;
        while (i < MODES && strcmp(name, modes[i].name))
            i++;
        ck_assert_uint_lt(i, MODES);
        ck_assert_uint_eq(size, n);
        modes[i].encrypt(&key, iv, plain, got, n);
        ck_assert_msg(!memcmp(got, cipher, n), "line %d", vec_line(v));
    }
    vec_close(v);
    ck_assert_int_eq(cases, 6);
}
END_TEST

/* CBC-MAC is the last block of CBC, also in pieces. */
START_TEST(cbc_mac)
{
    uint8_t k[16], iv[16], mac[16], cipher[LONGEST + 16];
    struct sm4_key key;
    for (size_t n = 16; n <= 640; n += 16) {
        uint8_t *data = fresh(n);
        test_random(k, 16);
        test_random(iv, 16);
        sm4_set_key(&key, k);
        openssl_encrypt(&modes[1], k, iv, data, cipher, n);
        memcpy(mac, iv, 16);
        const size_t split = 16 * test_random_below((uint32_t)n / 16 + 1);
        sm4_cbc_mac(&key, mac, data, split);
        sm4_cbc_mac(&key, mac, data + split, n - split);
        ck_assert_mem_eq(mac, cipher + n - 16, 16);
        free(data);
    }
}
END_TEST

/* ---------------------------------------------------------------- GCM */

struct aead {
    uint8_t k[16], *nonce, *aad, *plain, *cipher, tag[16];
    size_t nonce_size, aad_size, n, tag_size;
};

static void aead_random(struct aead *a, size_t nonce_size, size_t aad_size, size_t n,
                        size_t tag_size)
{
    test_random(a->k, sizeof a->k);
    a->nonce = fresh(a->nonce_size = nonce_size);
    a->aad = fresh(a->aad_size = aad_size);
    a->plain = fresh(a->n = n);
    a->cipher = fresh(n);
    a->tag_size = tag_size;
}

static void aead_free(struct aead *a)
{
    free(a->nonce);
    free(a->aad);
    free(a->plain);
    free(a->cipher);
}

static void gcrypt_seal(struct aead *a)
{
    gcry_cipher_hd_t h;
    ck_assert(!gcry_cipher_open(&h, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_GCM, 0));
    ck_assert(!gcry_cipher_setkey(h, a->k, 16));
    ck_assert(!gcry_cipher_setiv(h, a->nonce, a->nonce_size));
    if (a->aad_size)
        ck_assert(!gcry_cipher_authenticate(h, a->aad, a->aad_size));
    ck_assert(!gcry_cipher_final(h));
    ck_assert(!gcry_cipher_encrypt(h, a->cipher, a->n, a->plain, a->n));
    ck_assert(!gcry_cipher_gettag(h, a->tag, a->tag_size));
    gcry_cipher_close(h);
}

static void botan_seal(struct aead *a, const char *name)
{
    botan_cipher_t c;
    uint8_t out[LONGEST + 16];
    size_t written = 0, used = 0;
    ck_assert_int_eq(botan_cipher_init(&c, name, BOTAN_CIPHER_INIT_FLAG_ENCRYPT), 0);
    ck_assert_int_eq(botan_cipher_set_key(c, a->k, 16), 0);
    ck_assert_int_eq(botan_cipher_set_associated_data(c, a->aad, a->aad_size), 0);
    ck_assert_int_eq(botan_cipher_start(c, a->nonce, a->nonce_size), 0);
    ck_assert_int_eq(botan_cipher_update(c, BOTAN_CIPHER_UPDATE_FLAG_FINAL, out, sizeof out,
                                         &written, a->plain, a->n, &used),
                     0);
    ck_assert_uint_eq(written, a->n + a->tag_size);
    memcpy(a->cipher, out, a->n);
    memcpy(a->tag, out + a->n, a->tag_size);
    botan_cipher_destroy(c);
}

static void seal(const struct aead *a, const uint8_t *in, uint8_t *out, uint8_t *tag)
{
    struct sm4_key key;
    sm4_set_key(&key, a->k);
    sm4_gcm_seal(&key, a->nonce, a->nonce_size, a->aad, a->aad_size, in, a->n, out, tag);
}

static int unseal(const struct aead *a, const uint8_t *in, uint8_t *out)
{
    struct sm4_key key;
    sm4_set_key(&key, a->k);
    return sm4_gcm_open(&key, a->nonce, a->nonce_size, a->aad, a->aad_size, in, a->n, out, a->tag);
}

/* One bit turned in tag, text, associated data, nonce or key: refused, and nothing comes out. */
static void refuse_damage(struct aead *a)
{
    struct {
        uint8_t *p;
        size_t n;
    } part[] = {{a->tag, a->tag_size},
                {a->cipher, a->n},
                {a->aad, a->aad_size},
                {a->nonce, a->nonce_size},
                {a->k, sizeof a->k}};
    uint8_t *out = fresh(a->n), *zero = calloc(a->n + 1, 1);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        if (!part[i].n)
            continue;
        const size_t at = test_random_below((uint32_t)part[i].n);
        const uint8_t bit = (uint8_t)(1 << test_random_below(8));
        part[i].p[at] ^= bit;
        memset(out, 0xA5, a->n);
        ck_assert_int_eq(unseal(a, a->cipher, out), -1);
        ck_assert_mem_eq(out, zero, a->n);
        memcpy(out, a->cipher, a->n);
        ck_assert_int_eq(unseal(a, out, out), -1);
        ck_assert_mem_eq(out, zero, a->n);
        part[i].p[at] ^= bit;
    }
    ck_assert_int_eq(unseal(a, a->cipher, out), 0);
    ck_assert_mem_eq(out, a->plain, a->n);
    free(out);
    free(zero);
}

/* cipher and tag of the oracle against ours, apart and in place, there and back */
static void check_aead(const struct aead *a)
{
    uint8_t *out = fresh(a->n), *tag = fresh(a->tag_size);
    seal(a, a->plain, out, tag);
    ck_assert_msg(!memcmp(out, a->cipher, a->n), "nonce %zu, aad %zu, text %zu", a->nonce_size,
                  a->aad_size, a->n);
    ck_assert_msg(!memcmp(tag, a->tag, a->tag_size), "nonce %zu, aad %zu, text %zu, tag %zu",
                  a->nonce_size, a->aad_size, a->n, a->tag_size);
    memset(out, 0xA5, a->n);
    ck_assert_int_eq(unseal(a, a->cipher, out), 0);
    ck_assert_mem_eq(out, a->plain, a->n);
    seal(a, out, out, tag);
    ck_assert_mem_eq(out, a->cipher, a->n);
    ck_assert_int_eq(unseal(a, out, out), 0);
    ck_assert_mem_eq(out, a->plain, a->n);
    free(out);
    free(tag);
}

START_TEST(aead_answers)
{
    struct vec *v = vec_open("sm4_aead");
    int cases = 0;
    for (; vec_next(v); cases++) {
        struct aead a;
        uint8_t cipher[200], tag[16];
        size_t nonce_size, aad_size, n, tag_size;
        const uint8_t *nonce = vec_bytes(v, "nonce", &nonce_size);
        const uint8_t *aad = vec_bytes(v, "aad", &aad_size);
        const uint8_t *plain = vec_bytes(v, "plain", &n);
        const uint8_t *expected = vec_bytes(v, "tag", &tag_size);
        ck_assert_uint_le(n, sizeof cipher);
        aead_random(&a, nonce_size, aad_size, n, tag_size);
        memcpy(a.k, vec_exact(v, "key", 16), 16);
        memcpy(a.nonce, nonce, nonce_size);
        memcpy(a.aad, aad, aad_size);
        memcpy(a.plain, plain, n);
        gcrypt_seal(&a);
        ck_assert_mem_eq(a.cipher, vec_exact(v, "cipher", n), n);
        ck_assert_mem_eq(a.tag, expected, tag_size);
        seal(&a, plain, cipher, tag);
        ck_assert_msg(!memcmp(cipher, a.cipher, n), "line %d", vec_line(v));
        ck_assert_msg(!memcmp(tag, expected, tag_size), "line %d", vec_line(v));
        refuse_damage(&a);
        aead_free(&a);
    }
    vec_close(v);
    ck_assert_int_eq(cases, 3);
}
END_TEST

START_TEST(gcm_lengths)
{
    for (size_t n = 0; n <= 300; n++) {
        struct aead a;
        aead_random(&a, 12, test_random_below(70), n, 16);
        gcrypt_seal(&a);
        check_aead(&a);
        botan_seal(&a, "SM4/GCM");
        check_aead(&a);
        if (n % 10 == 0)
            refuse_damage(&a);
        aead_free(&a);
    }
}
END_TEST

/* Nonces of 1 to 130 bytes; texts beyond a batch. */
START_TEST(gcm_nonces)
{
    for (size_t nonce_size = 1; nonce_size <= 130; nonce_size++) {
        struct aead a;
        aead_random(&a, nonce_size, test_random_below(300), test_random_below(LONGEST - 16), 16);
        gcrypt_seal(&a);
        check_aead(&a);
        botan_seal(&a, "SM4/GCM");
        check_aead(&a);
        refuse_damage(&a);
        aead_free(&a);
    }
}
END_TEST

/* Batches give what single calls give, whatever stands beside an item; damage stays with its own.
 */
START_TEST(gcm_batch)
{
    enum { MOST = 60 };
    for (int turn = 0; turn < 60; turn++) {
        const size_t items = turn < 3 ? (size_t)turn : test_random_below(MOST + 1);
        struct aead a[MOST];
        struct sm4_gcm_item item[MOST];
        struct sm4_key key;
        uint8_t k[16], ok[MOST], *out[MOST], tag[MOST][16], expected[MOST];
        test_random(k, sizeof k);
        sm4_set_key(&key, k);
        for (size_t i = 0; i < items; i++) {
            const size_t n = test_random_below(4) ? test_random_below(70) : test_random_below(1200);
            aead_random(&a[i], test_random_below(8) ? 12 : 1 + test_random_below(40),
                        test_random_below(40), n, 16);
            memcpy(a[i].k, k, sizeof k);
            gcrypt_seal(&a[i]);
            out[i] = fresh(n);
            item[i] = (struct sm4_gcm_item){a[i].nonce,    a[i].nonce_size, a[i].aad,
                                            a[i].aad_size, a[i].plain,      n,
                                            out[i],        tag[i]};
        }
        sm4_gcm_seal_batch(&key, item, items);
        for (size_t i = 0; i < items; i++) {
            ck_assert_mem_eq(out[i], a[i].cipher, a[i].n);
            ck_assert_mem_eq(tag[i], a[i].tag, 16);
            expected[i] = test_random_below(3) != 0;
            tag[i][test_random_below(16)] ^= (uint8_t)!expected[i];
            item[i].in = out[i];
        }
        sm4_gcm_open_batch(&key, item, items, ok);
        for (size_t i = 0; i < items; i++) {
            ck_assert_uint_eq(ok[i], expected[i]);
            if (!ok[i])
                memset(a[i].plain, 0, a[i].n);
            ck_assert_mem_eq(out[i], a[i].plain, a[i].n);
            free(out[i]);
            aead_free(&a[i]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sm4");
    TCase *t = tcase_create("sm4");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, sbox_circuit);
    tcase_add_test(t, block_answers);
    tcase_add_loop_test(t, mode_lengths, 0, MODES);
    tcase_add_test(t, ctr_carries);
    tcase_add_test(t, mode_answers);
    tcase_add_test(t, cbc_mac);
    tcase_add_test(t, aead_answers);
    tcase_add_test(t, gcm_lengths);
    tcase_add_test(t, gcm_nonces);
    tcase_add_test(t, gcm_batch);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    test_seed();
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
