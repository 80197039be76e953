/* Digests, ciphers, signatures, wrapping, deriving: the same checks on two modules. */
#include "tests/unit/p11_peer.h"

enum { NO_SESSION = 99999, NO_OBJECT = 77777 };

static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY, private_class = CKO_PRIVATE_KEY;
static CK_BYTE data[64] = "some bytes that are worked on, sixty-four of them, no more, no";
static CK_BBOOL sensitive; /* of private keys that are made */
static CK_BYTE iv[16] = "initial vector.";

static CK_OBJECT_HANDLE value_key(CK_KEY_TYPE type, const void *value, CK_ULONG n)
{
    CK_OBJECT_HANDLE o = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1},
                        {CKA_ENCRYPT, &yes, 1},
                        {CKA_DECRYPT, &yes, 1},
                        {CKA_SIGN, &yes, 1},
                        {CKA_VERIFY, &yes, 1},
                        {CKA_WRAP, &yes, 1},
                        {CKA_UNWRAP, &yes, 1},
                        {CKA_DERIVE, &yes, 1},
                        {CKA_VALUE, TEXT(value), n}};
    is("a key", f->C_CreateObject(session, t, COUNT(t), &o), CKR_OK);
    return o;
}

static struct pair pair_of(CK_MECHANISM_TYPE type, CK_ATTRIBUTE *t, CK_ULONG n, CK_BBOOL *token)
{
    CK_MECHANISM m = {type, NULL, 0};
    struct pair p = {0, 0};
    CK_ATTRIBUTE priv[] = {{CKA_TOKEN, token, 1},
                           {CKA_SIGN, &yes, 1},
                           {CKA_SENSITIVE, &sensitive, 1},
                           {CKA_EXTRACTABLE, &yes, 1},
                           {CKA_DERIVE, &yes, 1}};
    is("a pair", f->C_GenerateKeyPair(session, &m, t, n, priv, COUNT(priv), &p.public, &p.private),
       CKR_OK);
    return p;
}

static struct pair rsa_pair(CK_ULONG bits)
{
    CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    struct pair p = {0, 0};
    CK_ATTRIBUTE t[] = {{CKA_MODULUS_BITS, &bits, sizeof bits},
                        {CKA_ENCRYPT, &yes, 1},
                        {CKA_VERIFY, &yes, 1},
                        {CKA_WRAP, &yes, 1},
                        {CKA_VERIFY_RECOVER, &yes, 1}};
    CK_ATTRIBUTE u[] = {{CKA_DECRYPT, &yes, 1},
                        {CKA_SIGN, &yes, 1},
                        {CKA_UNWRAP, &yes, 1},
                        {CKA_SIGN_RECOVER, &yes, 1}};
    is("an RSA pair",
       f->C_GenerateKeyPair(session, &m, t, COUNT(t), u, COUNT(u), &p.public, &p.private), CKR_OK);
    return p;
}

/* ------------------------------------------------------------------ digests */

static void digest_rules(void)
{
    CK_BYTE out[64];
    CK_ULONG n = 0;
    CK_MECHANISM sha = {CKM_SHA256, NULL, 0}, none = {999, NULL, 0};
    is("no mechanism", f->C_DigestInit(session, NULL), CKR_ARGUMENTS_BAD);
    is("none such", f->C_DigestInit(session, &none), CKR_MECHANISM_INVALID);
    is("no session", f->C_DigestInit(NO_SESSION, &sha), CKR_SESSION_HANDLE_INVALID);
    is("before the beginning", f->C_DigestUpdate(session, data, 1), CKR_OPERATION_NOT_INITIALIZED);
    is("C_DigestInit", f->C_DigestInit(session, &sha), CKR_OK);
    is("twice", f->C_DigestInit(session, &sha), CKR_OPERATION_ACTIVE);
    is("how long", f->C_Digest(session, data, 64, NULL, &n), CKR_OK);
    that("32 bytes", n == 32);
    n = 31;
    is("too little room", f->C_Digest(session, data, 64, out, &n), CKR_BUFFER_TOO_SMALL);
    that("32 are needed", n == 32);
    is("enough", f->C_Digest(session, data, 64, out, &n), CKR_OK);
    is("it is over", f->C_Digest(session, data, 64, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    f->C_DigestInit(session, &sha);
    is("nothing", f->C_DigestUpdate(session, data, 0), CKR_OK);
    is("something", f->C_DigestUpdate(session, data, 10), CKR_OK);
    n = 1;
    is("too little at the end", f->C_DigestFinal(session, out, &n), CKR_BUFFER_TOO_SMALL);
    is("the end", f->C_DigestFinal(session, out, &n), CKR_OK);
    f->C_DigestInit(session, &sha);
    is("no size", f->C_Digest(session, data, 64, out, NULL), CKR_ARGUMENTS_BAD);
    n = sizeof out;
    is("an error ends it", f->C_Digest(session, data, 64, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void digest_keys(void)
{
    CK_BYTE out[64], same[64];
    CK_ULONG n = sizeof out, k = sizeof same;
    CK_MECHANISM sha = {CKM_SHA_1, NULL, 0};
    const CK_OBJECT_HANDLE key = value_key(CKK_GENERIC_SECRET, data, 20);
    is("before the beginning", f->C_DigestKey(session, key), CKR_OPERATION_NOT_INITIALIZED);
    f->C_DigestInit(session, &sha);
    is("no key", f->C_DigestKey(session, NO_OBJECT), CKR_KEY_HANDLE_INVALID);
    is("a key's value", f->C_DigestKey(session, key), CKR_OK);
    is("the end", f->C_DigestFinal(session, out, &n), CKR_OK);
    f->C_DigestInit(session, &sha);
    f->C_Digest(session, data, 20, same, &k);
    that("as if it were data", n == k && memcmp(out, same, n) == 0);
}

/* ------------------------------------------------------------------ ciphers */

static void round_of(const char *name, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_ULONG n)
{
    CK_BYTE out[128], back[128], parts[128];
    CK_ULONG size = sizeof out, k = sizeof back, all = 0, some;
    is(name, f->C_EncryptInit(session, m, key), CKR_OK);
    is("at once", f->C_Encrypt(session, data, n, out, &size), CKR_OK);
    is("and back", f->C_DecryptInit(session, m, key), CKR_OK);
    is("to the same", f->C_Decrypt(session, out, size, back, &k), CKR_OK);
    that("data", k == n && memcmp(back, data, n) == 0);
    f->C_EncryptInit(session, m, key);
    bool good = true;
    for (CK_ULONG i = 0; i <= n; i += 7) {
        some = sizeof parts - all;
        good &= f->C_EncryptUpdate(session, data + i, n - i < 7 ? n - i : 7, parts + all, &some) ==
                CKR_OK;
        all += some;
    }
    some = sizeof parts - all;
    good &= f->C_EncryptFinal(session, parts + all, &some) == CKR_OK;
    that("in parts", good && all + some == size && memcmp(parts, out, size) == 0);
}

static void cipher_modes(void)
{
    CK_AES_CTR_PARAMS ctr = {32, {0}};
    CK_GCM_PARAMS gcm = {iv, 12, 96, data, 5, 128};
    const CK_OBJECT_HANDLE key = value_key(CKK_AES, data, 32), des3 = value_key(CKK_DES3, data, 24),
                           des2 = value_key(CKK_DES2, data, 16);
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0}, cbc = {CKM_AES_CBC, iv, 16},
                 pad = {CKM_AES_CBC_PAD, iv, 16}, counter = {CKM_AES_CTR, &ctr, sizeof ctr},
                 aead = {CKM_AES_GCM, &gcm, sizeof gcm}, des_ecb = {CKM_DES3_ECB, NULL, 0},
                 des_cbc = {CKM_DES3_CBC, iv, 8}, des_pad = {CKM_DES3_CBC_PAD, iv, 8};
    round_of("AES ECB", &ecb, key, 64);
    round_of("AES CBC", &cbc, key, 48);
    round_of("AES CBC, padded", &pad, key, 50);
    round_of("AES CTR", &counter, key, 61);
    round_of("AES GCM", &aead, key, 33);
    round_of("DES3 ECB", &des_ecb, des3, 64);
    round_of("DES3 CBC", &des_cbc, des3, 40);
    round_of("DES3 CBC, padded", &des_pad, des3, 50);
    round_of("DES3 CBC with two keys", &des_pad, des2, 50);
}

static void cipher_rules(void)
{
    CK_BYTE out[128];
    CK_ULONG n = 0;
    const CK_OBJECT_HANDLE key = value_key(CKK_AES, data, 16);
    CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, none = {999, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0},
                 short_iv = {CKM_AES_CBC, iv, 15};
    is("none such", f->C_EncryptInit(session, &none, key), CKR_MECHANISM_INVALID);
    is("no session", f->C_EncryptInit(NO_SESSION, &cbc, key), CKR_SESSION_HANDLE_INVALID);
    is("no key", f->C_EncryptInit(session, &cbc, NO_OBJECT), CKR_KEY_HANDLE_INVALID);
    is("not with this key", f->C_EncryptInit(session, &rsa, key), CKR_KEY_TYPE_INCONSISTENT);
    either("no mechanism", f->C_EncryptInit(session, NULL, key), CKR_ARGUMENTS_BAD,
           CKR_MECHANISM_INVALID);
    either("a short IV", f->C_EncryptInit(session, &short_iv, key), CKR_MECHANISM_PARAM_INVALID,
           CKR_ARGUMENTS_BAD);
    is("C_EncryptInit", f->C_EncryptInit(session, &cbc, key), CKR_OK);
    is("twice", f->C_EncryptInit(session, &cbc, key), CKR_OPERATION_ACTIVE);
    is("how long", f->C_Encrypt(session, data, 64, NULL, &n), CKR_OK);
    that("64 bytes", n == 64);
    n = 63;
    memset(out, 0xab, sizeof out);
    is("too little room", f->C_Encrypt(session, data, 64, out, &n), CKR_BUFFER_TOO_SMALL);
    that("64 needed, nothing written", n == 64 && out[0] == 0xab);
    is("enough", f->C_Encrypt(session, data, 64, out, &n), CKR_OK);
    is("it is over", f->C_Encrypt(session, data, 64, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    f->C_EncryptInit(session, &cbc, key);
    is("no room, no size", f->C_Encrypt(session, data, 64, NULL, NULL), CKR_ARGUMENTS_BAD);
    is("which ends it", f->C_EncryptInit(session, &cbc, key), CKR_OK);
    n = sizeof out;
    is("not whole blocks", f->C_Encrypt(session, data, 63, out, &n), CKR_DATA_LEN_RANGE);
    is("ends it, too", f->C_EncryptInit(session, &cbc, key), CKR_OK);
    is("the size of what cannot be", f->C_Encrypt(session, data, 63, NULL, &n), CKR_DATA_LEN_RANGE);
    is("and again", f->C_DecryptInit(session, &cbc, key), CKR_OK);
    n = sizeof out;
    is("no whole block back", f->C_Decrypt(session, out, 15, out, &n),
       CKR_ENCRYPTED_DATA_LEN_RANGE);
    is("an update of nothing", f->C_EncryptInit(session, &cbc, key), CKR_OK);
    n = sizeof out;
    is("gives nothing", f->C_EncryptUpdate(session, data, 0, out, &n), CKR_OK);
    that("no bytes", n == 0);
}

/* ------------------------------------------------------------------ signatures */

static void sign_with(const char *name, CK_MECHANISM *m, struct pair p, CK_ULONG n)
{
    CK_BYTE out[512];
    CK_ULONG size = sizeof out;
    is(name, f->C_SignInit(session, m, p.private), CKR_OK);
    is("signing", f->C_Sign(session, data, n, out, &size), CKR_OK);
    is("checking", f->C_VerifyInit(session, m, p.public), CKR_OK);
    is("good", f->C_Verify(session, data, n, out, size), CKR_OK);
    out[size / 2] ^= 1;
    f->C_VerifyInit(session, m, p.public);
    is("bad", f->C_Verify(session, data, n, out, size), CKR_SIGNATURE_INVALID);
    f->C_VerifyInit(session, m, p.public);
    is("short", f->C_Verify(session, data, n, out, size - 1), CKR_SIGNATURE_LEN_RANGE);
}

static void signing(void)
{
    const struct pair p = rsa_pair(1024), q = rsa_pair(2048);
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM plain = {CKM_RSA_PKCS, NULL, 0}, md5 = {CKM_MD5_RSA_PKCS, NULL, 0},
                 sha1 = {CKM_SHA1_RSA_PKCS, NULL, 0}, sha512 = {CKM_SHA512_RSA_PKCS, NULL, 0},
                 bare = {CKM_RSA_PKCS_PSS, &pss, sizeof pss},
                 pss256 = {CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss};
    for (int i = 0; i < 2; i++) {
        sign_with("RSA", &plain, i ? q : p, 35);
        sign_with("RSA with MD5", &md5, i ? q : p, 64);
        sign_with("RSA with SHA-1", &sha1, i ? q : p, 64);
        sign_with("RSA with SHA-512", &sha512, i ? q : p, 0);
        sign_with("PSS", &bare, i ? q : p, 32);
        sign_with("PSS with SHA-256", &pss256, i ? q : p, 64);
    }
    sign_with("RSA with SHA-1", &sha1, rsa_pair(512), 64);
    CK_BYTE out[256];
    CK_ULONG n = sizeof out;
    is("too much for the key", f->C_SignInit(session, &plain, p.private), CKR_OK);
    is("118 bytes of 117", f->C_Sign(session, out, 118, out, &n), CKR_DATA_LEN_RANGE);
    is("ends it", f->C_SignInit(session, &plain, p.private), CKR_OK);
}

static void multi_part(void)
{
    const struct pair p = rsa_pair(1024);
    CK_MECHANISM sha = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE out[128];
    CK_ULONG n = sizeof out;
    is("C_SignInit", f->C_SignInit(session, &sha, p.private), CKR_OK);
    is("nothing", f->C_SignUpdate(session, data, 0), CKR_OK);
    is("something", f->C_SignUpdate(session, data, 30), CKR_OK);
    is("the rest", f->C_SignUpdate(session, data + 30, 34), CKR_OK);
    is("how long", f->C_SignFinal(session, NULL, &n), CKR_OK);
    that("128 bytes", n == 128);
    n = 127;
    is("too little room", f->C_SignFinal(session, out, &n), CKR_BUFFER_TOO_SMALL);
    n = sizeof out;
    is("the end", f->C_SignFinal(session, out, &n), CKR_OK);
    is("it is over", f->C_SignFinal(session, out, &n), CKR_OPERATION_NOT_INITIALIZED);
    f->C_VerifyInit(session, &sha, p.public);
    is("part one", f->C_VerifyUpdate(session, data, 64), CKR_OK);
    is("nothing more", f->C_VerifyUpdate(session, data, 0), CKR_OK);
    is("good", f->C_VerifyFinal(session, out, n), CKR_OK);
    is("without a beginning", f->C_VerifyUpdate(session, data, 1), CKR_OPERATION_NOT_INITIALIZED);
    f->C_SignInit(session, &sha, p.private);
    is("no data", f->C_SignUpdate(session, NULL, 5), CKR_ARGUMENTS_BAD);
    is("ends it", f->C_SignUpdate(session, data, 5), CKR_OPERATION_NOT_INITIALIZED);
}

static void curves(void)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7},
                   p384[] = {6, 5, 0x2b, 0x81, 4, 0, 0x22}, p521[] = {6, 5, 0x2b, 0x81, 4, 0, 0x23},
                   k1[] = {6, 5, 0x2b, 0x81, 4, 0, 0x0a};
    CK_ATTRIBUTE all[] = {{CKA_EC_PARAMS, p256, sizeof p256},
                          {CKA_EC_PARAMS, p384, sizeof p384},
                          {CKA_EC_PARAMS, p521, sizeof p521},
                          {CKA_EC_PARAMS, k1, sizeof k1}};
    CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
    for (size_t i = 0; i < COUNT(all); i++)
        for (int token = 0; token < 2; token++) {
            const struct pair p = pair_of(CKM_EC_KEY_PAIR_GEN, &all[i], 1, token ? &yes : &no);
            sign_with("ECDSA", &m, p, 32);
        }
}

static void edwards(void)
{
    static CK_BYTE name[] = {0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'},
                   oid[] = {6, 3, 0x2b, 0x65, 0x70};
    CK_ATTRIBUTE all[] = {{CKA_EC_PARAMS, oid, sizeof oid}, {CKA_EC_PARAMS, name, sizeof name}};
    CK_MECHANISM m = {CKM_EDDSA, NULL, 0};
    for (size_t i = 0; i < 2 * COUNT(all); i++) {
        const struct pair p =
            pair_of(CKM_EC_EDWARDS_KEY_PAIR_GEN, &all[i / 2], 1, i & 1 ? &yes : &no);
        sign_with("EdDSA", &m, p, 64);
        sign_with("EdDSA of nothing", &m, p, 0);
    }
}

static void macs(void)
{
    static const CK_MECHANISM_TYPE all[] = {CKM_MD5_HMAC,    CKM_SHA_1_HMAC,  CKM_SHA224_HMAC,
                                            CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC};
    for (size_t i = 0; i < COUNT(all); i++)
        for (CK_ULONG size = 4; size <= 64; size += 60) {
            const CK_OBJECT_HANDLE key = value_key(CKK_GENERIC_SECRET, data, size);
            CK_MECHANISM m = {all[i], NULL, 0};
            sign_with(size == 4 ? "HMAC with a short key" : "HMAC with a long key", &m,
                      (struct pair){key, key}, 50);
        }
    const CK_OBJECT_HANDLE aes = value_key(CKK_AES, data, 16), des = value_key(CKK_DES3, data, 24);
    CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0}, des_cmac = {CKM_DES3_CMAC, NULL, 0};
    sign_with("CMAC", &cmac, (struct pair){aes, aes}, 33);
    sign_with("CMAC with DES3", &des_cmac, (struct pair){des, des}, 33);
}

/* ------------------------------------------------------------------ encryption with RSA */

static void rsa_encryption(void)
{
    static const struct {
        CK_MECHANISM_TYPE hash;
        CK_ULONG mgf;
    } oaep[] = {{CKM_SHA_1, CKG_MGF1_SHA1},    {CKM_SHA224, CKG_MGF1_SHA224},
                {CKM_SHA256, CKG_MGF1_SHA256}, {CKM_SHA384, CKG_MGF1_SHA384},
                {CKM_SHA512, CKG_MGF1_SHA512}, {CKM_SHA256, CKG_MGF1_SHA1}};
    const struct pair p = rsa_pair(2048);
    CK_BYTE out[256], back[256];
    for (size_t i = 0; i <= COUNT(oaep); i++) {
        CK_RSA_PKCS_OAEP_PARAMS params = {oaep[i % COUNT(oaep)].hash, oaep[i % COUNT(oaep)].mgf,
                                          CKZ_DATA_SPECIFIED, NULL, 0};
        CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &params, sizeof params};
        if (i == COUNT(oaep))
            m = (CK_MECHANISM){CKM_RSA_PKCS, NULL, 0};
        CK_ULONG n = sizeof out, k = sizeof back;
        char name[32];
        snprintf(name, sizeof name, i < COUNT(oaep) ? "OAEP with %lx" : "PKCS #1", params.hashAlg);
        is(name, f->C_EncryptInit(session, &m, p.public), CKR_OK);
        is("there", f->C_Encrypt(session, data, 30, out, &n), CKR_OK);
        is("C_DecryptInit", f->C_DecryptInit(session, &m, p.private), CKR_OK);
        is("and back", f->C_Decrypt(session, out, n, back, &k), CKR_OK);
        that("the same", k == 30 && memcmp(back, data, 30) == 0);
    }
    CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0};
    CK_ULONG n = sizeof out;
    f->C_EncryptInit(session, &m, p.public);
    is("too much", f->C_Encrypt(session, back, 246, out, &n), CKR_DATA_LEN_RANGE);
    is("ends it", f->C_EncryptInit(session, &m, p.public), CKR_OK);
}

/* ------------------------------------------------------------------ wrapping */

static void wrap_secret(CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE by)
{
    CK_KEY_TYPE type = CKK_AES;
    CK_BYTE out[512], value[64];
    CK_ULONG n = 0;
    CK_OBJECT_HANDLE back = 0;
    const CK_OBJECT_HANDLE key = value_key(CKK_AES, data + 8, 32);
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1}};
    is("how long", f->C_WrapKey(session, m, with, key, NULL, &n), CKR_OK);
    n = 1;
    is("too little room", f->C_WrapKey(session, m, with, key, out, &n), CKR_BUFFER_TOO_SMALL);
    n = sizeof out;
    is("C_WrapKey", f->C_WrapKey(session, m, with, key, out, &n), CKR_OK);
    is("C_UnwrapKey", f->C_UnwrapKey(session, m, by, out, n, t, COUNT(t), &back), CKR_OK);
    CK_ATTRIBUTE a = {CKA_VALUE, value, sizeof value};
    is("its value", f->C_GetAttributeValue(session, back, &a, 1), CKR_OK);
    that("the same", a.ulValueLen == 32 && memcmp(value, data + 8, 32) == 0);
}

static void wrapping(void)
{
    const struct pair p = rsa_pair(1024);
    const CK_OBJECT_HANDLE aes = value_key(CKK_AES, data, 32);
    CK_MECHANISM kw = {CKM_AES_KEY_WRAP, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0},
                 none = {999, NULL, 0};
    CK_BYTE out[512];
    CK_ULONG n = sizeof out;
    CK_OBJECT_HANDLE k;
    wrap_secret(&kw, aes, aes);
    wrap_secret(&rsa, p.public, p.private);
    is("no wrapping key", f->C_WrapKey(session, &kw, NO_OBJECT, aes, out, &n),
       CKR_WRAPPING_KEY_HANDLE_INVALID);
    is("no key", f->C_WrapKey(session, &kw, aes, NO_OBJECT, out, &n), CKR_KEY_HANDLE_INVALID);
    is("no size", f->C_WrapKey(session, &kw, aes, aes, out, NULL), CKR_ARGUMENTS_BAD);
    is("none such", f->C_WrapKey(session, &none, aes, aes, out, &n), CKR_MECHANISM_INVALID);
    is("one that stays", f->C_WrapKey(session, &kw, aes, p.private, out, &n),
       CKR_KEY_UNEXTRACTABLE);
    is("no unwrapping key", f->C_UnwrapKey(session, &kw, NO_OBJECT, out, 24, NULL, 0, &k),
       CKR_UNWRAPPING_KEY_HANDLE_INVALID);
    is("nothing wrapped", f->C_UnwrapKey(session, &kw, aes, NULL, 24, NULL, 0, &k),
       CKR_ARGUMENTS_BAD);
}

/* PKCS #8 of a pair that was made here, on the token or not, and back */
static void wrap_private(CK_MECHANISM_TYPE gen, CK_ATTRIBUTE *params, CK_KEY_TYPE type,
                         CK_MECHANISM *sign, CK_BBOOL *token)
{
    const struct pair p = pair_of(gen, params, 1, token);
    const CK_OBJECT_HANDLE aes = value_key(CKK_AES, data, 32);
    CK_MECHANISM kw = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_BYTE out[4096];
    CK_ULONG n = sizeof out;
    CK_OBJECT_HANDLE back = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &private_class, sizeof private_class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_TOKEN, token, 1},
                        {CKA_SIGN, &yes, 1}};
    is("wrapping a private key", f->C_WrapKey(session, &kw, aes, p.private, out, &n), CKR_OK);
    is("unwrapping it", f->C_UnwrapKey(session, &kw, aes, out, n, t, COUNT(t), &back), CKR_OK);
    sign_with("with what came back", sign, (struct pair){p.public, back}, 32);
}

static void private_keys(void)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    CK_ULONG bits = 1024;
    CK_ATTRIBUTE rsa = {CKA_MODULUS_BITS, &bits, sizeof bits},
                 ec = {CKA_EC_PARAMS, p256, sizeof p256};
    CK_MECHANISM pkcs1 = {CKM_RSA_PKCS, NULL, 0}, ecdsa = {CKM_ECDSA, NULL, 0};
    for (int i = 0; i < 4; i++) {
        bits = i & 1 ? 2048 : 1024;
        sensitive = (CK_BBOOL)(i >> 1); /* then the device keeps it */
        wrap_private(CKM_RSA_PKCS_KEY_PAIR_GEN, &rsa, CKK_RSA, &pkcs1, i & 1 ? &yes : &no);
        wrap_private(CKM_EC_KEY_PAIR_GEN, &ec, CKK_EC, &ecdsa, i & 1 ? &yes : &no);
    }
}

/* ------------------------------------------------------------------ deriving */

static CK_OBJECT_HANDLE derived(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_BYTE out[32])
{
    CK_OBJECT_HANDLE k = 0;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG len = 32;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_VALUE_LEN, &len, sizeof len},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1}};
    CK_ATTRIBUTE a = {CKA_VALUE, out, 32};
    is("C_DeriveKey", f->C_DeriveKey(session, m, base, t, COUNT(t), &k), CKR_OK);
    is("the value", f->C_GetAttributeValue(session, k, &a, 1), CKR_OK);
    return k;
}

static void deriving(void)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    CK_ATTRIBUTE params = {CKA_EC_PARAMS, p256, sizeof p256};
    const struct pair a = pair_of(CKM_EC_KEY_PAIR_GEN, &params, 1, &no),
                      b = pair_of(CKM_EC_KEY_PAIR_GEN, &params, 1, &yes);
    CK_BYTE x[80], y[80], one[32] = {0}, two[32] = {1};
    CK_ATTRIBUTE px = {CKA_EC_POINT, x, sizeof x}, py = {CKA_EC_POINT, y, sizeof y};
    f->C_GetAttributeValue(session, a.public, &px, 1);
    f->C_GetAttributeValue(session, b.public, &py, 1);
    CK_ECDH1_DERIVE_PARAMS to_b = {CKD_NULL, 0, NULL, py.ulValueLen, y},
                           to_a = {CKD_NULL, 0, NULL, px.ulValueLen - 2, x + 2};
    CK_MECHANISM mb = {CKM_ECDH1_DERIVE, &to_b, sizeof to_b},
                 ma = {CKM_ECDH1_DERIVE, &to_a, sizeof to_a};
    derived(&mb, a.private, one);
    derived(&ma, b.private, two);
    that("both have the same", memcmp(one, two, 32) == 0);
    CK_KEY_DERIVATION_STRING_DATA string = {data, 32};
    CK_MECHANISM ecb = {CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof string};
    const CK_OBJECT_HANDLE aes = value_key(CKK_AES, data, 16);
    derived(&ecb, aes, one);
    CK_MECHANISM cipher = {CKM_AES_ECB, NULL, 0};
    CK_ULONG n = sizeof two;
    f->C_EncryptInit(session, &cipher, aes);
    f->C_Encrypt(session, data, 32, two, &n);
    that("encrypted data", memcmp(one, two, 32) == 0);
}

/* A group of RFC 2409 */
static CK_BYTE oakley1[96] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34,
    0xc4, 0xc6, 0x62, 0x8b, 0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67, 0xcc, 0x74,
    0x02, 0x0b, 0xbe, 0xa6, 0x3b, 0x13, 0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd,
    0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d, 0xf2, 0x5f, 0x14, 0x37,
    0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45, 0xe4, 0x85, 0xb5, 0x76, 0x62, 0x5e, 0x7e, 0xc6,
    0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x3a, 0x36, 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void dh(void)
{
    CK_BYTE g = 2, x[96], one[32] = {0}, two[32] = {1};
    CK_ATTRIBUTE t[] = {{CKA_PRIME, oakley1, sizeof oakley1}, {CKA_BASE, &g, 1}};
    for (int token = 0; token < 2; token++) {
        const struct pair a = pair_of(CKM_DH_PKCS_KEY_PAIR_GEN, t, 2, token ? &yes : &no),
                          b = pair_of(CKM_DH_PKCS_KEY_PAIR_GEN, t, 2, token ? &yes : &no);
        CK_ATTRIBUTE v = {CKA_VALUE, x, sizeof x};
        is("a public number", f->C_GetAttributeValue(session, b.public, &v, 1), CKR_OK);
        CK_MECHANISM m = {CKM_DH_PKCS_DERIVE, x, v.ulValueLen};
        derived(&m, a.private, one);
        v.ulValueLen = sizeof x;
        f->C_GetAttributeValue(session, a.public, &v, 1);
        m.ulParameterLen = v.ulValueLen;
        derived(&m, b.private, two);
        that("both have the same", memcmp(one, two, 32) == 0);
    }
}

static void dsa(void)
{
    CK_ULONG bits = 1024;
    CK_OBJECT_HANDLE domain = 0;
    CK_MECHANISM gen = {CKM_DSA_PARAMETER_GEN, NULL, 0}, plain = {CKM_DSA, NULL, 0},
                 sha1 = {CKM_DSA_SHA1, NULL, 0};
    CK_ATTRIBUTE t = {CKA_PRIME_BITS, &bits, sizeof bits};
    CK_BYTE p[128], q[20], g[128]; /* what programs have room for */
    CK_ATTRIBUTE all[] = {
        {CKA_PRIME, p, sizeof p}, {CKA_SUBPRIME, q, sizeof q}, {CKA_BASE, g, sizeof g}};
    is("parameters", f->C_GenerateKey(session, &gen, &t, 1, &domain), CKR_OK);
    is("which can be read", f->C_GetAttributeValue(session, domain, all, 3), CKR_OK);
    for (int token = 0; token < 2; token++) {
        const struct pair k = pair_of(CKM_DSA_KEY_PAIR_GEN, all, 3, token ? &yes : &no);
        sign_with("DSA", &plain, k, 20);
        sign_with("DSA with SHA-1", &sha1, k, 60);
    }
}

START_TEST(side_by_side)
{
    static const struct peer_case cases[] = {{"digest", digest_rules, false},
                                             {"digest key", digest_keys, false},
                                             {"modes", cipher_modes, false},
                                             {"cipher", cipher_rules, false},
                                             {"sign", signing, false},
                                             {"parts", multi_part, false},
                                             {"curves", curves, false},
                                             {"edwards", edwards, false},
                                             {"macs", macs, false},
                                             {"encrypt", rsa_encryption, false},
                                             {"wrap", wrapping, false},
                                             {"pkcs8", private_keys, false},
                                             {"derive", deriving, false},
                                             {"dh", dh, false},
                                             {"dsa", dsa, false}};
    ck_assert_uint_eq(peer_compare(cases, COUNT(cases)), 0);
}
END_TEST

int main(void)
{
    return peer_main("pkcs11 peer: crypto", side_by_side);
}
