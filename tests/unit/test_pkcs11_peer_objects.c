/* Objects: making, copying, changing, finding, destroying. The same checks on two modules. */
#include "tests/unit/p11_peer.h"

enum { NO_SESSION = 99999, NO_OBJECT = 77777 };

static CK_OBJECT_CLASS data_class = CKO_DATA, secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static const CK_BYTE text[] = "sixteen bytes...";

static CK_OBJECT_HANDLE data_object(CK_BBOOL *token, CK_BBOOL *private, const char *label)
{
    CK_OBJECT_HANDLE o = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &data_class, sizeof data_class},
                        {CKA_TOKEN, token, 1},
                        {CKA_PRIVATE, private, 1},
                        {CKA_APPLICATION, TEXT("peer"), 4},
                        {CKA_VALUE, TEXT(text), 16},
                        {CKA_LABEL, TEXT(label), strlen(label)}};
    is("an object of data", f->C_CreateObject(session, t, COUNT(t), &o), CKR_OK);
    return o;
}

static CK_OBJECT_HANDLE key_object(CK_BBOOL *sensitive, CK_BBOOL *extractable)
{
    CK_OBJECT_HANDLE o = 0;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                        {CKA_KEY_TYPE, &aes, sizeof aes},
                        {CKA_SENSITIVE, sensitive, 1},
                        {CKA_EXTRACTABLE, extractable, 1},
                        {CKA_VALUE, TEXT(text), 16}};
    is("a key with its value", f->C_CreateObject(session, t, COUNT(t), &o), CKR_OK);
    return o;
}

static CK_RV read_one(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *out, CK_ULONG *size)
{
    CK_ATTRIBUTE a = {type, out, *size};
    const CK_RV rv = f->C_GetAttributeValue(session, o, &a, 1);
    *size = a.ulValueLen;
    return rv;
}

static bool flag(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    CK_ULONG n = 1;
    return read_one(o, type, &value, &n) == CKR_OK && value == CK_TRUE;
}

/* ------------------------------------------------------------------ C_CreateObject */

static void creating(void)
{
    CK_OBJECT_HANDLE o;
    CK_BYTE odd[15] = {0};
    CK_BBOOL two = 2;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_VALUE, TEXT(text), 16}};
    is("no session", f->C_CreateObject(NO_SESSION, t, 2, &o), CKR_SESSION_HANDLE_INVALID);
    is("no handle", f->C_CreateObject(session, t, 2, NULL), CKR_ARGUMENTS_BAD);
    either("no template", f->C_CreateObject(session, NULL, 2, &o), CKR_ARGUMENTS_BAD,
           CKR_TEMPLATE_INCOMPLETE);
    either("an empty one", f->C_CreateObject(session, t, 0, &o), CKR_TEMPLATE_INCOMPLETE,
           CKR_ARGUMENTS_BAD);
    is("no class", f->C_CreateObject(session, t + 1, 1, &o), CKR_TEMPLATE_INCOMPLETE);
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                          {CKA_KEY_TYPE, &aes, sizeof aes},
                          {CKA_VALUE, odd, sizeof odd}};
    either("a key of a size that is none", f->C_CreateObject(session, key, 3, &o),
           CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_SIZE_RANGE);
    is("a key without a value", f->C_CreateObject(session, key, 2, &o), CKR_TEMPLATE_INCOMPLETE);
    CK_ATTRIBUTE local[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_LOCAL, &yes, 1}};
    either("what data has not", f->C_CreateObject(session, local, 2, &o),
           CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_READ_ONLY);
    CK_ATTRIBUTE bad[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_PRIVATE, &two, 3}};
    is("a flag of three bytes", f->C_CreateObject(session, bad, 2, &o),
       CKR_ATTRIBUTE_VALUE_INVALID);
    const CK_SESSION_HANDLE ro = peer_session(0);
    CK_ATTRIBUTE token[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_TOKEN, &yes, 1}};
    is("on the token in R/O", f->C_CreateObject(ro, token, 2, &o), CKR_SESSION_READ_ONLY);
    f->C_Logout(session);
    CK_ATTRIBUTE private[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_PRIVATE, &yes, 1}};
    is("private without a login", f->C_CreateObject(session, private, 2, &o),
       CKR_USER_NOT_LOGGED_IN);
    private[1].pValue = &no;
    is("public without a login", f->C_CreateObject(session, private, 2, &o), CKR_OK);
}

/* ------------------------------------------------------------------ reading */

static void reading(void)
{
    CK_OBJECT_HANDLE o = data_object(&no, &no, "reading");
    CK_BYTE out[64];
    CK_ULONG n = sizeof out;
    is("the label", read_one(o, CKA_LABEL, out, &n), CKR_OK);
    that("seven bytes", n == 7 && memcmp(out, "reading", 7) == 0);
    is("its size", read_one(o, CKA_LABEL, NULL, &n), CKR_OK);
    n = 3;
    is("too little room", read_one(o, CKA_LABEL, out, &n), CKR_BUFFER_TOO_SMALL);
    that("no size then", n == CK_UNAVAILABLE_INFORMATION);
    n = sizeof out;
    is("what it has not", read_one(o, CKA_CERTIFICATE_TYPE, out, &n), CKR_ATTRIBUTE_TYPE_INVALID);
    that("no size either", n == CK_UNAVAILABLE_INFORMATION);
    CK_OBJECT_CLASS class = 99;
    CK_ATTRIBUTE many[] = {
        {CKA_CLASS, &class, sizeof class}, {999, out, sizeof out}, {CKA_VALUE, out, sizeof out}};
    is("one of three", f->C_GetAttributeValue(session, o, many, 3), CKR_ATTRIBUTE_TYPE_INVALID);
    that("the others are there", class == CKO_DATA && many[2].ulValueLen == 16);
    is("no session", f->C_GetAttributeValue(NO_SESSION, o, many, 1), CKR_SESSION_HANDLE_INVALID);
    is("no object", f->C_GetAttributeValue(session, NO_OBJECT, many, 1), CKR_OBJECT_HANDLE_INVALID);
    either("no template", f->C_GetAttributeValue(session, o, NULL, 1), CKR_ARGUMENTS_BAD,
           CKR_TEMPLATE_INCOMPLETE);
    CK_ULONG size = 0;
    is("C_GetObjectSize", f->C_GetObjectSize(session, o, &size), CKR_OK);
    is("nowhere", f->C_GetObjectSize(session, o, NULL), CKR_ARGUMENTS_BAD);
    is("size of none", f->C_GetObjectSize(session, NO_OBJECT, &size), CKR_OBJECT_HANDLE_INVALID);
}

static void hiding(void)
{
    CK_OBJECT_HANDLE o = key_object(&yes, &yes);
    CK_BYTE out[64];
    CK_ULONG n = sizeof out;
    is("a sensitive value", read_one(o, CKA_VALUE, out, &n), CKR_ATTRIBUTE_SENSITIVE);
    o = key_object(&no, &no);
    n = sizeof out;
    is("one that stays", read_one(o, CKA_VALUE, out, &n), CKR_ATTRIBUTE_SENSITIVE);
    o = key_object(&no, &yes);
    n = sizeof out;
    is("one to be seen", read_one(o, CKA_VALUE, out, &n), CKR_OK);
    that("the value", n == 16 && memcmp(out, text, 16) == 0);
    that("not local", !flag(o, CKA_LOCAL));
    that("not always sensitive", !flag(o, CKA_ALWAYS_SENSITIVE));
    that("not never extractable", !flag(o, CKA_NEVER_EXTRACTABLE));
    n = sizeof out;
    is("a check value", read_one(o, CKA_CHECK_VALUE, out, &n), CKR_OK);
    that("of three bytes", n == 3);
}

/* ------------------------------------------------------------------ changing, copying */

static CK_RV set_flag(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_BBOOL *value)
{
    CK_ATTRIBUTE a = {type, value, 1};
    return f->C_SetAttributeValue(session, o, &a, 1);
}

static void changing(void)
{
    CK_OBJECT_HANDLE o = key_object(&no, &yes), fixed;
    is("sensitive from now on", set_flag(o, CKA_SENSITIVE, &yes), CKR_OK);
    that("it is", flag(o, CKA_SENSITIVE));
    is("and stays so", set_flag(o, CKA_SENSITIVE, &no), CKR_ATTRIBUTE_READ_ONLY);
    is("to stay here", set_flag(o, CKA_EXTRACTABLE, &no), CKR_OK);
    is("for good", set_flag(o, CKA_EXTRACTABLE, &yes), CKR_ATTRIBUTE_READ_ONLY);
    is("not made here", set_flag(o, CKA_LOCAL, &yes), CKR_ATTRIBUTE_READ_ONLY);
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("other"), 5};
    CK_ATTRIBUTE class = {CKA_CLASS, &data_class, sizeof data_class};
    is("a label", f->C_SetAttributeValue(session, o, &label, 1), CKR_OK);
    is("another class", f->C_SetAttributeValue(session, o, &class, 1), CKR_ATTRIBUTE_READ_ONLY);
    is("no session", f->C_SetAttributeValue(NO_SESSION, o, &label, 1), CKR_SESSION_HANDLE_INVALID);
    is("no object", f->C_SetAttributeValue(session, NO_OBJECT, &label, 1),
       CKR_OBJECT_HANDLE_INVALID);
    is("no template", f->C_SetAttributeValue(session, o, NULL, 1), CKR_ARGUMENTS_BAD);
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_MODIFIABLE, &no, 1}};
    is("one that cannot be changed", f->C_CreateObject(session, t, 2, &fixed), CKR_OK);
    is("it cannot", f->C_SetAttributeValue(session, fixed, &label, 1), CKR_ACTION_PROHIBITED);
    is("what it is already", set_flag(o, CKA_MODIFIABLE, &yes), CKR_ATTRIBUTE_READ_ONLY);
    o = data_object(&yes, &no, "token");
    CK_ATTRIBUTE id = {CKA_OBJECT_ID, TEXT("\6\1*"), 3};
    CK_OBJECT_HANDLE copy;
    is("an OID", f->C_SetAttributeValue(session, o, &id, 1), CKR_ATTRIBUTE_READ_ONLY);
    is("in a copy", f->C_CopyObject(session, o, &id, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
    const CK_SESSION_HANDLE ro = peer_session(0);
    is("on the token in R/O", f->C_SetAttributeValue(ro, o, &label, 1), CKR_SESSION_READ_ONLY);
    is("on the token", f->C_SetAttributeValue(session, o, &label, 1), CKR_OK);
}

static void copying(void)
{
    CK_OBJECT_HANDLE o = data_object(&no, &no, "copying"), c = 0;
    CK_BYTE out[64];
    CK_ULONG n = sizeof out;
    CK_ATTRIBUTE value = {CKA_VALUE, TEXT("new"), 3}, label = {CKA_LABEL, TEXT("copy"), 4},
                 token = {CKA_TOKEN, &yes, 1}, copyable = {CKA_COPYABLE, &no, 1};
    CK_OBJECT_CLASS public = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE class = {CKA_CLASS, &public, sizeof public};
    is("an empty template", f->C_CopyObject(session, o, NULL, 0, &c), CKR_OK);
    is("its label", read_one(c, CKA_LABEL, out, &n), CKR_OK);
    that("the same", n == 7);
    is("with another value", f->C_CopyObject(session, o, &value, 1, &c), CKR_OK);
    n = sizeof out;
    read_one(c, CKA_VALUE, out, &n);
    that("which it has", n == 3 && memcmp(out, "new", 3) == 0);
    is("to the token", f->C_CopyObject(session, o, &token, 1, &c), CKR_OK);
    that("where it is", flag(c, CKA_TOKEN));
    is("with a label", f->C_CopyObject(session, c, &label, 1, &c), CKR_OK);
    is("no handle", f->C_CopyObject(session, o, &label, 1, NULL), CKR_ARGUMENTS_BAD);
    is("no template", f->C_CopyObject(session, o, NULL, 1, &c), CKR_ARGUMENTS_BAD);
    is("of another class", f->C_CopyObject(session, o, &class, 1, &c), CKR_ATTRIBUTE_READ_ONLY);
    is("no object", f->C_CopyObject(session, NO_OBJECT, &label, 1, &c), CKR_OBJECT_HANDLE_INVALID);
    is("the last copy", f->C_CopyObject(session, o, &copyable, 1, &c), CKR_OK);
    is("of it there is none", f->C_CopyObject(session, c, NULL, 0, &c), CKR_ACTION_PROHIBITED);
    o = key_object(&yes, &no);
    CK_ATTRIBUTE show = {CKA_SENSITIVE, &no, 1}, out_of = {CKA_EXTRACTABLE, &yes, 1};
    is("a copy to be seen", f->C_CopyObject(session, o, &show, 1, &c), CKR_ATTRIBUTE_READ_ONLY);
    is("a copy that may leave", f->C_CopyObject(session, o, &out_of, 1, &c),
       CKR_ATTRIBUTE_READ_ONLY);
}

/* ------------------------------------------------------------------ finding, destroying */

static CK_ULONG found(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG step)
{
    CK_OBJECT_HANDLE all[64];
    CK_ULONG sum = 0, some = 1;
    if (f->C_FindObjectsInit(s, t, n) != CKR_OK)
        return 999;
    while (some && f->C_FindObjects(s, all, step, &some) == CKR_OK)
        sum += some;
    return f->C_FindObjectsFinal(s) == CKR_OK ? sum : 999;
}

static void finding(void)
{
    CK_OBJECT_HANDLE o;
    CK_ULONG n;
    for (int i = 0; i < 5; i++)
        data_object(i & 1 ? &yes : &no, i & 2 ? &yes : &no, i == 4 ? "four" : "less");
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT("less"), 4},
                        {CKA_TOKEN, &yes, 1},
                        {CKA_CLASS, &data_class, sizeof data_class}};
    that("all, one by one", found(session, NULL, 0, 1) == 5);
    that("all at once", found(session, NULL, 0, 64) == 5);
    that("by label", found(session, t, 1, 2) == 4);
    that("on the token", found(session, t + 1, 1, 3) == 2);
    that("by three", found(session, t, 3, 3) == 2);
    CK_ATTRIBUTE none = {CKA_LABEL, TEXT("les"), 3}, what = {CKA_KEY_TYPE, &aes, sizeof aes};
    that("no part of a label", found(session, &none, 1, 3) == 0);
    that("no such attribute", found(session, &what, 1, 3) == 0);
    is("before the beginning", f->C_FindObjects(session, &o, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
    is("the end of nothing", f->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    is("no template", f->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
    is("the beginning", f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    is("a second one", f->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
    is("nowhere", f->C_FindObjects(session, NULL, 1, &n), CKR_ARGUMENTS_BAD);
    f->C_FindObjectsFinal(session);
    is("of no session", f->C_FindObjectsInit(NO_SESSION, NULL, 0), CKR_SESSION_HANDLE_INVALID);
    f->C_Logout(session);
    that("the public ones that are left", found(session, NULL, 0, 64) == 3);
}

static void destroying(void)
{
    const CK_OBJECT_HANDLE a = data_object(&yes, &no, "public"), b = data_object(&yes, &yes, "own"),
                           c = data_object(&no, &yes, "session");
    CK_OBJECT_HANDLE kept;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &data_class, sizeof data_class}, {CKA_DESTROYABLE, &no, 1}};
    const CK_SESSION_HANDLE ro = peer_session(0);
    is("one that stays", f->C_CreateObject(session, t, 2, &kept), CKR_OK);
    is("it stays", f->C_DestroyObject(session, kept), CKR_ACTION_PROHIBITED);
    is("in R/O", f->C_DestroyObject(ro, a), CKR_SESSION_READ_ONLY);
    is("no session", f->C_DestroyObject(NO_SESSION, a), CKR_SESSION_HANDLE_INVALID);
    is("no object", f->C_DestroyObject(session, NO_OBJECT), CKR_OBJECT_HANDLE_INVALID);
    f->C_Logout(session);
    is("of nobody's", f->C_DestroyObject(session, b), CKR_OBJECT_HANDLE_INVALID);
    f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN));
    is("a handle from before", f->C_DestroyObject(session, b), CKR_OBJECT_HANDLE_INVALID);
    is("a session's from before", f->C_DestroyObject(session, c), CKR_OBJECT_HANDLE_INVALID);
    that("it is there under another", found(session, NULL, 0, 64) == 3);
    is("the public one", f->C_DestroyObject(session, a), CKR_OK);
    is("twice", f->C_DestroyObject(session, a), CKR_OBJECT_HANDLE_INVALID);
}

/* The SO keeps on the token whom the users may trust. */
static void vouching(void)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE x509 = CKC_X_509;
    CK_OBJECT_HANDLE o = 0, own;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_CERTIFICATE_TYPE, &x509, sizeof x509},
                        {CKA_TOKEN, &yes, 1},
                        {CKA_SUBJECT, TEXT("\x30\0"), 2},
                        {CKA_VALUE, TEXT(text), 16},
                        {CKA_PRIVATE, &no, 1},
                        {CKA_TRUSTED, &yes, 1}};
    is("not for the user to say", f->C_CreateObject(session, t, 7, &o), CKR_ATTRIBUTE_READ_ONLY);
    f->C_Logout(session);
    is("the SO", f->C_Login(session, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)), CKR_OK);
    is("a certificate to be trusted", f->C_CreateObject(session, t, 7, &o), CKR_OK);
    that("it is", flag(o, CKA_TRUSTED));
    t[6] = (CK_ATTRIBUTE){CKA_LABEL, TEXT("vouched for"), 11};
    is("its label", f->C_SetAttributeValue(session, o, &t[6], 1), CKR_OK);
    is("one not to be trusted yet", f->C_CreateObject(session, t, 7, &own), CKR_OK);
    is("now it is", set_flag(own, CKA_TRUSTED, &yes), CKR_OK);
    is("it goes", f->C_DestroyObject(session, own), CKR_OK);
    t[5].pValue = &yes;
    is("nothing private", f->C_CreateObject(session, t, 7, &own), CKR_USER_NOT_LOGGED_IN);
    f->C_Logout(session);
    f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN));
    t[5].pValue = &no;
    that("the user sees it", found(session, t, 7, 8) == 1);
    that("as one to be trusted", flag(o, CKA_TRUSTED));
}

/* Programs destroy the private key of a pair first and then the public one. */
static void parting_one(CK_MECHANISM_TYPE making, CK_MECHANISM_TYPE signing, CK_ATTRIBUTE *kind,
                        CK_BBOOL *token)
{
    CK_OBJECT_HANDLE p = 0, k = 0;
    CK_BYTE out[256];
    CK_ULONG n = sizeof out;
    CK_MECHANISM make = {making, NULL, 0}, sign = {signing, NULL, 0};
    CK_ATTRIBUTE t[] = {*kind, {CKA_TOKEN, token, 1}, {CKA_LABEL, TEXT("parting"), 7}};
    is("a pair", f->C_GenerateKeyPair(session, &make, t, 3, t + 1, 2, &p, &k), CKR_OK);
    is("its signature", f->C_SignInit(session, &sign, k), CKR_OK);
    is("made", f->C_Sign(session, TEXT(text), 16, out, &n), CKR_OK);
    is("the private key goes", f->C_DestroyObject(session, k), CKR_OK);
    that("the public one is left", found(session, t + 2, 1, 4) == 1);
    is("under its handle", f->C_VerifyInit(session, &sign, p), CKR_OK);
    is("and good", f->C_Verify(session, TEXT(text), 16, out, n), CKR_OK);
    is("until it goes", f->C_DestroyObject(session, p), CKR_OK);
    is("for good", f->C_DestroyObject(session, p), CKR_OBJECT_HANDLE_INVALID);
    that("nothing is left", found(session, t + 2, 1, 4) == 0);
}

static void parting(void)
{
    static CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_ULONG bits = 2048;
    CK_ATTRIBUTE rsa = {CKA_MODULUS_BITS, &bits, sizeof bits},
                 ec = {CKA_EC_PARAMS, p256, sizeof p256};
    for (int token = 0; token < 2; token++) {
        parting_one(CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, &rsa, token ? &yes : &no);
        parting_one(CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, &ec, token ? &yes : &no);
    }
}

/* ------------------------------------------------------------------ keys that are made */

static void generating(void)
{
    CK_OBJECT_HANDLE k = 0, p = 0;
    CK_ULONG len = 32, bits = 1024;
    CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0}, none = {999, NULL, 0},
                 rsa = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, des = {CKM_DES3_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE t[] = {{CKA_VALUE_LEN, &len, sizeof len}}, u[] = {{CKA_MODULUS_BITS, &bits, 8}};
    is("C_GenerateKey", f->C_GenerateKey(session, &m, t, 1, &k), CKR_OK);
    that("local", flag(k, CKA_LOCAL));
    that("hidden and here for good", flag(k, CKA_SENSITIVE) && flag(k, CKA_NEVER_EXTRACTABLE));
    is("hidden once more, or at last", set_flag(k, CKA_SENSITIVE, &yes), CKR_OK);
    is("and for good", set_flag(k, CKA_SENSITIVE, &no), CKR_ATTRIBUTE_READ_ONLY);
    is("no length", f->C_GenerateKey(session, &m, NULL, 0, &k), CKR_TEMPLATE_INCOMPLETE);
    is("no template", f->C_GenerateKey(session, &m, NULL, 1, &k), CKR_ARGUMENTS_BAD);
    is("no handle", f->C_GenerateKey(session, &m, t, 1, NULL), CKR_ARGUMENTS_BAD);
    either("no mechanism", f->C_GenerateKey(session, NULL, t, 1, &k), CKR_ARGUMENTS_BAD,
           CKR_MECHANISM_INVALID);
    is("none such", f->C_GenerateKey(session, &none, t, 1, &k), CKR_MECHANISM_INVALID);
    is("a pair's", f->C_GenerateKey(session, &rsa, t, 1, &k), CKR_MECHANISM_INVALID);
    is("DES3 with no template", f->C_GenerateKey(session, &des, NULL, 0, &k), CKR_OK);
    is("C_GenerateKeyPair", f->C_GenerateKeyPair(session, &rsa, u, 1, NULL, 0, &p, &k), CKR_OK);
    that("hidden", flag(k, CKA_SENSITIVE) && flag(k, CKA_ALWAYS_SENSITIVE));
    that("private, and public", flag(k, CKA_PRIVATE) && !flag(p, CKA_PRIVATE));
    is("no bits", f->C_GenerateKeyPair(session, &rsa, NULL, 0, NULL, 0, &p, &k),
       CKR_TEMPLATE_INCOMPLETE);
    is("no public handle", f->C_GenerateKeyPair(session, &rsa, u, 1, NULL, 0, NULL, &k),
       CKR_ARGUMENTS_BAD);
    is("no private handle", f->C_GenerateKeyPair(session, &rsa, u, 1, NULL, 0, &p, NULL),
       CKR_ARGUMENTS_BAD);
    is("no session", f->C_GenerateKeyPair(NO_SESSION, &rsa, u, 1, NULL, 0, &p, &k),
       CKR_SESSION_HANDLE_INVALID);
    f->C_Logout(session);
    CK_ATTRIBUTE open[] = {{CKA_PRIVATE, &no, 1}};
    is("a private pair before a login", f->C_GenerateKeyPair(session, &rsa, u, 1, NULL, 0, &p, &k),
       CKR_USER_NOT_LOGGED_IN);
    is("a public one", f->C_GenerateKeyPair(session, &rsa, u, 1, open, 1, &p, &k), CKR_OK);
    bits = 2048;
    is("of 2048 bits", f->C_GenerateKeyPair(session, &rsa, u, 1, open, 1, &p, &k), CKR_OK);
    CK_MECHANISM sha = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE out[256];
    CK_ULONG n = sizeof out;
    is("which signs", f->C_SignInit(session, &sha, k), CKR_OK);
    is("really", f->C_Sign(session, TEXT(text), 16, out, &n), CKR_OK);
}

static void templates(void)
{
    CK_OBJECT_HANDLE k = 0, o = 0;
    CK_ULONG len = 16, n;
    CK_BYTE out[64];
    CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0}, wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_ATTRIBUTE wanted[] = {{CKA_KEY_TYPE, &generic, sizeof generic}};
    CK_ATTRIBUTE t[] = {{CKA_VALUE_LEN, &len, sizeof len},
                        {CKA_WRAP, &yes, 1},
                        {CKA_UNWRAP, &yes, 1},
                        {CKA_WRAP_TEMPLATE, wanted, sizeof wanted}};
    is("a key with a template", f->C_GenerateKey(session, &m, t, 4, &k), CKR_OK);
    CK_ATTRIBUTE inner = {0, NULL, 0}, read = {CKA_WRAP_TEMPLATE, NULL, 0};
    is("how large it is", f->C_GetAttributeValue(session, k, &read, 1), CKR_OK);
    that("one attribute", read.ulValueLen == sizeof inner);
    read.pValue = &inner;
    is("which one", f->C_GetAttributeValue(session, k, &read, 1), CKR_OK);
    that("the key's type", inner.type == CKA_KEY_TYPE && inner.ulValueLen == sizeof(CK_ULONG));
    o = key_object(&no, &yes);
    n = sizeof out;
    either("a key that is not so", f->C_WrapKey(session, &wrap, k, o, out, &n),
           CKR_KEY_HANDLE_INVALID, CKR_KEY_NOT_WRAPPABLE);
}

START_TEST(side_by_side)
{
    static const struct peer_case cases[] = {
        {"create", creating, false},    {"read", reading, false},  {"hide", hiding, false},
        {"change", changing, false},    {"copy", copying, false},  {"find", finding, false},
        {"destroy", destroying, false}, {"part", parting, false},  {"generate", generating, false},
        {"template", templates, false}, {"vouch", vouching, false}};
    ck_assert_uint_eq(peer_compare(cases, COUNT(cases)), 0);
}
END_TEST

int main(void)
{
    return peer_main("pkcs11 peer: objects", side_by_side);
}
