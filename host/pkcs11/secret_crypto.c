/* Secret keys for libcrypto: names of ciphers, keys as it takes them, check values. */
#include "host/pkcs11/crypto.h"

#include "host/pkcs11/object.h"

#include <stdio.h>
#include <string.h>

static size_t des_keys(CK_KEY_TYPE type)
{
    return type == CKK_DES ? 1 : type == CKK_DES2 ? 2 : type == CKK_DES3 ? 3 : 0;
}

const char *cipher_name(CK_KEY_TYPE type, size_t key_size, const char *mode)
{
    static _Thread_local char name[24];
    if (type == CKK_AES && (key_size == 16 || key_size == 24 || key_size == 32))
        snprintf(name, sizeof name, "AES-%zu-%s", 8 * key_size, mode);
    else if ((type == CKK_SM4 || type == CKK_SM4_OTHER) && key_size == 16)
        snprintf(name, sizeof name, "SM4-%s", mode);
    else if (des_keys(type) && key_size == 8 * des_keys(type))
        snprintf(name, sizeof name, "DES-EDE3-%s", mode);
    else
        return NULL;
    return name;
}

bool secret_length_fits(CK_KEY_TYPE type, size_t size)
{
    const bool cipher = type == CKK_AES || key_bytes(type);
    return !cipher || cipher_name(type, size, "ECB");
}

size_t key_bytes(CK_KEY_TYPE type)
{
    return type == CKK_SM4 || type == CKK_SM4_OTHER ? 16 : 8 * des_keys(type);
}

bool template_secret(const CK_ATTRIBUTE *t, CK_ULONG n, CK_KEY_TYPE *type, CK_ULONG *size)
{
    *type = CKK_GENERIC_SECRET;
    *size = 0;
    if (!template_ulong(t, n, CKA_KEY_TYPE, type) || !template_ulong(t, n, CKA_VALUE_LEN, size))
        return false;
    if (!*size)
        *size = key_bytes(*type);
    return true;
}

size_t cipher_block_size(CK_KEY_TYPE type)
{
    return des_keys(type) ? 8 : 16;
}

bool cipher_key(const struct object *key, uint8_t out[CIPHER_KEY_MAX], size_t *size)
{
    const struct attribute *value = attribute_of(key, CKA_VALUE);
    if (!value || !cipher_name(key->key_type, value->size, "ECB"))
        return false;
    const size_t keys = des_keys(key->key_type);
    memcpy(out, value->value, value->size);
    if (keys == 1)
        memcpy(out + 8, value->value, 8);
    if (keys == 1 || keys == 2)
        memcpy(out + 16, value->value, 8);
    *size = keys ? 24 : value->size;
    return true;
}

void des_parity(uint8_t *key, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned b = key[i] >> 1, odd = 1;
        for (unsigned bit = 0; bit < 7; bit++)
            odd ^= b >> bit & 1;
        key[i] = (uint8_t)(b << 1 | odd);
    }
}

/* ------------------------------------------------------------------ CKA_CHECK_VALUE */

/* The front of an encrypted block of zeros */
static bool of_cipher(const struct object *o, uint8_t out[CHECK_VALUE_SIZE])
{
    uint8_t key[CIPHER_KEY_MAX], block[16] = {0};
    size_t key_size;
    int n = 0;
    if (!cipher_key(o, key, &key_size))
        return false;
    const char *name = cipher_name(o->key_type, attribute_of(o, CKA_VALUE)->size, "ECB");
    EVP_CIPHER *cipher = crypto_context() ? EVP_CIPHER_fetch(crypto_context(), name, NULL) : NULL;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool good =
        cipher && c && EVP_EncryptInit_ex2(c, cipher, key, NULL, NULL) > 0 &&
        EVP_EncryptUpdate(c, block, &n, block, (int)cipher_block_size(o->key_type)) > 0;
    EVP_CIPHER_free(cipher);
    EVP_CIPHER_CTX_free(c);
    hufu_wipe(key, sizeof key);
    memcpy(out, block, CHECK_VALUE_SIZE);
    return good;
}

/* The front of a digest */
static bool of_digest(const struct attribute *value, uint8_t out[CHECK_VALUE_SIZE])
{
    uint8_t digest[HASH_MAX];
    const EVP_MD *sha1 = hash_md(HASH_SHA1);
    if (!value || !sha1 || EVP_Digest(value->value, value->size, digest, NULL, sha1, NULL) <= 0)
        return false;
    memcpy(out, digest, CHECK_VALUE_SIZE);
    return true;
}

bool check_value_of(const struct object *o, uint8_t out[CHECK_VALUE_SIZE])
{
    if (o->class != CKO_CERTIFICATE && o->class != CKO_SECRET_KEY)
        return false;
    return (o->class == CKO_SECRET_KEY && of_cipher(o, out)) ||
           of_digest(attribute_of(o, CKA_VALUE), out);
}
