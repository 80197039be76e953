/*
 * Constant time of AES, and of the modes that AES and SM4 share: keys and texts are marked secret;
 * what leaves is shown before it is looked at. See test_ct_sm2.c.
 */
#include <check.h>
#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/crypto/block.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"

static struct block b;
static uint8_t in[77], out[77 + 16], back[77], iv[16], tag[16];

static void new_key(int kind)
{
    uint8_t k[32];
    test_secret(k, sizeof k);
    if (kind == 3)
        block_set_sm4(&b, k);
    else
        ck_assert_int_eq(block_set_aes(&b, k, 16 + 8 * (size_t)kind), 0);
    test_secret(in, sizeof in);
}

START_TEST(modes)
{
    new_key(_i);
    block_encrypt(&b, in, out, 4);
    block_decrypt(&b, out, back, 4);
    block_cbc_encrypt(&b, iv, in, out, 64);
    block_cbc_decrypt(&b, iv, out, back, 64);
    memset(iv, 0, sizeof iv);
    block_ctr(&b, iv, in, out, sizeof in);
    block_ofb(&b, iv, in, out, sizeof in);
    block_cfb(&b, iv, in, out, sizeof in, 1);
    block_cmac(&b, in, sizeof in, out);
    PUBLIC(in, sizeof in);
    PUBLIC(iv, sizeof iv);
}
END_TEST

START_TEST(gcm)
{
    static const uint8_t nonce[12] = {1}, aad[5] = {2};
    const struct block_gcm g = {nonce, sizeof nonce, aad, sizeof aad, 16};
    new_key(_i);
    block_gcm_seal(&b, &g, in, out, sizeof in, tag);
    PUBLIC(out, sizeof in);
    PUBLIC(tag, sizeof tag);
    ck_assert_int_eq(block_gcm_open(&b, &g, out, back, sizeof in, tag), 0);
    PUBLIC(in, sizeof in);
    PUBLIC(back, sizeof back);
    ck_assert_mem_eq(in, back, sizeof in);
}
END_TEST

START_TEST(wraps)
{
    size_t size;
    new_key(_i);
    block_kw_wrap(&b, in, 32, out);
    PUBLIC(out, 40);
    ck_assert_int_eq(block_kw_unwrap(&b, out, 40, back), 0);
    for (size_t n = 3; n < 40; n += 9) {
        const size_t wrapped = block_kwp_wrap(&b, in, n, out);
        PUBLIC(out, wrapped);
        ck_assert_int_eq(block_kwp_unwrap(&b, out, wrapped, back, &size), 0);
        ck_assert_uint_eq(size, n);
        out[1] ^= 1;
        ck_assert_int_eq(block_kwp_unwrap(&b, out, wrapped, back, &size), -1);
    }
    PUBLIC(in, sizeof in);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ct_block");
    TCase *t = tcase_create("ct_block");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, modes, 0, 4);
    tcase_add_loop_test(t, gcm, 0, 4);
    tcase_add_loop_test(t, wraps, 0, 4);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
