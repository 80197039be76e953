/* What a PKCS#12 file holds: of openssl one key, of keytool as many as there are entries. */
#include "host/cli/pkcs12.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static int take_key(struct pkcs12 *p, const PKCS8_PRIV_KEY_INFO *info, const char *name)
{
    EVP_PKEY *key = info ? EVP_PKCS82PKEY_ex(info, NULL, "?provider=default") : NULL;
    if (!key || p->keys == PKCS12_KEYS_MAX) {
        EVP_PKEY_free(key);
        return FAILED;
    }
    p->key[p->keys].key = key;
    p->key[p->keys++].name = name ? strdup(name) : NULL;
    return DONE;
}

static int take_certificate(struct pkcs12 *p, X509 *certificate, const char *name)
{
    if (!certificate || (name && !X509_alias_set1(certificate, (const uint8_t *)name, -1)) ||
        !sk_X509_push(p->certificates, certificate)) {
        X509_free(certificate);
        return FAILED;
    }
    return DONE;
}

/* Other kinds of bags - lists of revoked certificates, secrets - are passed over. */
static int take_bag(struct pkcs12 *p, const PKCS12_SAFEBAG *bag, const char *passphrase)
{
    PKCS8_PRIV_KEY_INFO *info = NULL;
    char *name = PKCS12_get_friendlyname((PKCS12_SAFEBAG *)(uintptr_t)bag);
    int status = DONE;
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_keyBag:
        status = take_key(p, PKCS12_SAFEBAG_get0_p8inf(bag), name);
        break;
    case NID_pkcs8ShroudedKeyBag:
        info = PKCS12_decrypt_skey(bag, passphrase, -1);
        status = take_key(p, info, name);
        PKCS8_PRIV_KEY_INFO_free(info);
        break;
    case NID_certBag:
        if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
            status = take_certificate(p, PKCS12_SAFEBAG_get1_cert(bag), name);
        break;
    default:
        break;
    }
    OPENSSL_free(name);
    return status;
}

static int take_safe(struct pkcs12 *p, PKCS7 *safe, const char *passphrase)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = PKCS7_type_is_encrypted(safe)
                                         ? PKCS12_unpack_p7encdata(safe, passphrase, -1)
                                         : PKCS12_unpack_p7data(safe);
    int status = bags ? DONE : FAILED;
    for (int i = 0; !status && i < sk_PKCS12_SAFEBAG_num(bags); i++)
        status = take_bag(p, sk_PKCS12_SAFEBAG_value(bags, i), passphrase);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return status;
}

/* An empty passphrase is encoded in one of two ways; without a MAC a wrong one shows at the keys. */
static bool fits(PKCS12 *file, const char **passphrase)
{
    if (!PKCS12_mac_present(file) || PKCS12_verify_mac(file, *passphrase, -1))
        return true;
    const bool none = !**passphrase && PKCS12_verify_mac(file, NULL, 0);
    if (none)
        *passphrase = NULL;
    return none;
}

int pkcs12_read(const uint8_t *data, size_t size, const char *passphrase, struct pkcs12 *p)
{
    PKCS12 *file = d2i_PKCS12(NULL, &data, (long)size);
    memset(p, 0, sizeof *p);
    p->certificates = sk_X509_new_null();
    STACK_OF(PKCS7) *safes =
        file && p->certificates && fits(file, &passphrase) ? PKCS12_unpack_authsafes(file) : NULL;
    int status = safes ? DONE : FAILED;
    for (int i = 0; !status && i < sk_PKCS7_num(safes); i++)
        status = take_safe(p, sk_PKCS7_value(safes, i), passphrase);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    PKCS12_free(file);
    return status || p->keys ? status : FAILED;
}

void pkcs12_free(struct pkcs12 *p)
{
    for (size_t i = 0; i < p->keys; i++) {
        EVP_PKEY_free(p->key[i].key);
        free(p->key[i].name);
    }
    sk_X509_pop_free(p->certificates, X509_free);
}

/* Has this certificate one of the keys? */
static const struct pkcs12_key *of_certificate(const struct pkcs12 *p, const X509 *certificate)
{
    for (size_t i = 0; i < p->keys; i++) {
        ERR_set_mark();
        const int its = X509_check_private_key(certificate, p->key[i].key);
        ERR_pop_to_mark();
        if (its)
            return &p->key[i];
    }
    return NULL;
}

const char *pkcs12_name(const struct pkcs12 *p, size_t i)
{
    const char *name = p->key[i].name;
    for (int c = 0; !name && c < sk_X509_num(p->certificates); c++) {
        X509 *certificate = sk_X509_value(p->certificates, c);
        if (of_certificate(p, certificate) == &p->key[i])
            name = (const char *)X509_alias_get0(certificate, NULL);
    }
    return name;
}

bool pkcs12_write_certificates(const struct pkcs12 *p, BIO *out)
{
    for (int others = 0; others < 2; others++)
        for (int i = 0; i < sk_X509_num(p->certificates); i++) {
            X509 *certificate = sk_X509_value(p->certificates, i);
            if ((of_certificate(p, certificate) == NULL) == others &&
                !PEM_write_bio_X509(out, certificate))
                return false;
        }
    return true;
}
