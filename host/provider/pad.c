/* The padding modes of RSA as OpenSSL's parameters have them: a number or a word. */
#include <openssl/rsa.h>
#include <string.h>

#include "host/provider/provider.h"

static const struct {
    const char *word;
    int mode;
} modes[] = {{OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
             {OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING},
             {OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING},
             {"oeap", RSA_PKCS1_OAEP_PADDING}, /* OpenSSL's own slip, kept by programs */
             {OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING},
             {OSSL_PKEY_RSA_PAD_MODE_X931, RSA_X931_PADDING}};

bool pad_mode_get(const OSSL_PARAM *p, int *mode)
{
    const char *text;
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_int(p, mode);
    if (!OSSL_PARAM_get_utf8_string_ptr(p, &text))
        return false;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(text, modes[i].word)) {
            *mode = modes[i].mode;
            return true;
        }
    return false;
}

bool pad_mode_set(OSSL_PARAM *p, int mode)
{
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(p, mode);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (mode == modes[i].mode)
            return OSSL_PARAM_set_utf8_string(p, modes[i].word);
    return false;
}
