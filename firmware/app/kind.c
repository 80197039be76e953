#include "firmware/app/kind.h"

#include "firmware/crypto/rsa.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm4.h"

enum {
    PAIR = USAGE_SIGN | USAGE_EXPORT_WRAPPED | USAGE_PUBLIC | USAGE_EXTRACT | USAGE_DIGEST_ONLY |
           USAGE_BACKUP,
    OPENS = USAGE_DECRYPT | USAGE_WRAP | USAGE_UNWRAP,
    AGREES = USAGE_AGREE | USAGE_DERIVE_OUT,
    KEPT = USAGE_EXPORT_WRAPPED | USAGE_PUBLIC,
    SECRET = KEPT | USAGE_BACKUP | USAGE_EXTRACT | USAGE_READ | USAGE_SIGN,
    CIPHER = SECRET | USAGE_ENCRYPT | USAGE_DECRYPT | USAGE_WRAP | USAGE_UNWRAP
};

unsigned key_rsa_bits(uint8_t type)
{
    const unsigned bits = type == KEY_RSA2048   ? 2048u
                          : type == KEY_RSA3072 ? 3072u
                          : type == KEY_RSA4096 ? 4096u
                                                : 0;
    return rsa_bits_ok(bits) ? bits : 0;
}

size_t key_public_size(uint8_t type)
{
    if (type == KEY_SM2)
        return SM2_POINT;
    if (key_curve(type))
        return 2 * key_curve(type)->size;
    return key_rsa_bits(type) ? 4 + key_rsa_bits(type) / 8 : 0;
}

size_t key_secret_most(uint8_t type)
{
    switch (type) {
    case KEY_SM2:
        return SM2_SCALAR;
    case KEY_SM4:
        return SM4_KEY;
    case KEY_AES128:
        return HUFU_SMALL ? 0 : 16;
    case KEY_AES192:
        return HUFU_SMALL ? 0 : 24;
    case KEY_AES256:
        return HUFU_SMALL ? 0 : 32;
    case KEY_HMAC:
        return KIND_SECRET_MAX;
    case KEY_DATA:
    case KEY_CERTIFICATE:
        return LIMIT_VALUE_MAX;
    case KEY_P256:
    case KEY_P384:
        return key_curve(type) ? key_curve(type)->size : 0;
    default:
        return 7 * (size_t)key_rsa_bits(type) / 16; /* p, q, dp, dq, qinv and d */
    }
}

bool key_secret_fits(uint8_t type, size_t n)
{
    const size_t most = key_secret_most(type);
    if (key_is_blob(type))
        return n <= most;
    return most && (type == KEY_HMAC ? n > 0 && n <= most : n == most);
}

bool key_is_blob(uint8_t type)
{
    return type == KEY_DATA || type == KEY_CERTIFICATE;
}

bool key_is_secret(uint8_t type)
{
    return type == KEY_SM4 || type == KEY_HMAC || (type >= KEY_AES128 && type <= KEY_AES256);
}

uint32_t key_usages(uint8_t type)
{
    if (type == KEY_SM2)
        return PAIR | OPENS | AGREES;
    if (key_is_blob(type))
        return USAGE_PUBLIC;
    if (key_curve(type))
        return PAIR | AGREES;
    if (type == KEY_HMAC)
        return SECRET;
    if (key_is_secret(type))
        return key_secret_most(type) ? CIPHER : 0;
    return key_rsa_bits(type) ? PAIR | OPENS | USAGE_RAW : 0;
}
