/* The PKCS#11 module: objects, their attributes, finding them. */
#include "tests/lib/run.h"
#include "tests/unit/p11_tools.h"

static CK_OBJECT_HANDLE make_data(CK_BBOOL token, CK_BBOOL private, const char *label)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_TOKEN, &token, 1},
                        {CKA_PRIVATE, &private, 1},
                        {CKA_APPLICATION, TEXT("test"), 4},
                        {CKA_LABEL, TEXT(label), strlen(label)},
                        {CKA_VALUE, TEXT("value"), 5}};
    OK(f->C_CreateObject(session, t, COUNT(t), &o));
    return o;
}

START_TEST(data)
{
    CK_BYTE out[64];
    CK_BBOOL b;
    begin();
    const CK_OBJECT_HANDLE o = make_data(CK_FALSE, CK_FALSE, "d");
    ck_assert_uint_eq(get(o, CKA_VALUE, out, sizeof out), 5);
    ck_assert_int_eq(memcmp(out, "value", 5), 0);
    get(o, CKA_MODIFIABLE, &b, 1);
    ck_assert_uint_eq(b, CK_TRUE);
    ck_assert_uint_eq(get(o, CKA_OBJECT_ID, out, sizeof out), 0);
    CK_ATTRIBUTE a = {CKA_VALUE, TEXT("other value"), 11};
    OK(f->C_SetAttributeValue(session, o, &a, 1));
    ck_assert_uint_eq(get(o, CKA_VALUE, out, sizeof out), 11);
    CK_ULONG size;
    OK(f->C_GetObjectSize(session, o, &size));
    ck_assert_uint_gt(size, 11);
    OK(f->C_DestroyObject(session, o));
    IS(f->C_DestroyObject(session, o), CKR_OBJECT_HANDLE_INVALID);
    IS(f->C_GetObjectSize(session, o, &size), CKR_OBJECT_HANDLE_INVALID);
    end();
}
END_TEST

START_TEST(reading)
{
    CK_BYTE out[64], small[2];
    begin();
    const CK_OBJECT_HANDLE o = make_data(CK_FALSE, CK_FALSE, "label");
    CK_ATTRIBUTE t[] = {{CKA_LABEL, NULL, 0},
                        {CKA_MODULUS, out, sizeof out},
                        {CKA_VALUE, small, sizeof small},
                        {CKA_APPLICATION, out, sizeof out}};
    const CK_RV rv = f->C_GetAttributeValue(session, o, t, COUNT(t)); /* all are looked at */
    ck_assert(rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(t[0].ulValueLen, 5);
    ck_assert_uint_eq(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    ck_assert_uint_eq(t[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    ck_assert_uint_eq(t[3].ulValueLen, 4);
    IS(f->C_GetAttributeValue(session, o, NULL, 1), CKR_ARGUMENTS_BAD);
    IS(f->C_GetAttributeValue(session, 999999, t, 1), CKR_OBJECT_HANDLE_INVALID);
    end();
}
END_TEST

START_TEST(creating_wrongly)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY, strange = 77;
    CK_KEY_TYPE type = CKK_AES, unknown = 0x77777777;
    CK_OBJECT_HANDLE o;
    static const struct {
        CK_KEY_TYPE type;
        CK_ATTRIBUTE_TYPE has;
    } lacking[] = {{CKK_RSA, CKA_MODULUS},
                   {CKK_RSA, CKA_PUBLIC_EXPONENT},
                   {CKK_EC, CKA_EC_PARAMS},
                   {CKK_EC, CKA_EC_POINT}};
    begin();
    CK_ATTRIBUTE none[] = {{CKA_LABEL, TEXT("x"), 1}};
    IS(f->C_CreateObject(session, none, 1, &o), CKR_TEMPLATE_INCOMPLETE);
    CK_ATTRIBUTE odd[] = {{CKA_CLASS, &strange, sizeof strange}};
    IS(f->C_CreateObject(session, odd, 1, &o), CKR_ATTRIBUTE_VALUE_INVALID);
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_VALUE, TEXT("0123456789abcdef"), 16},
                        {CKA_LABEL, TEXT("x"), 1}};
    IS(f->C_CreateObject(session, t, 1, &o), CKR_TEMPLATE_INCOMPLETE);
    IS(f->C_CreateObject(session, t, 2, &o), CKR_TEMPLATE_INCOMPLETE);
    class = CKO_PUBLIC_KEY; /* without what its type needs */
    for (size_t i = 0; i < COUNT(lacking); i++) {
        type = lacking[i].type;
        CK_ATTRIBUTE half[] = {
            t[0], t[1], {lacking[i].has, TEXT("\6\10\52\206\110\316\75\3\1\7"), 10}};
        IS(f->C_CreateObject(session, half, 3, &o), CKR_TEMPLATE_INCOMPLETE);
    }
    class = CKO_SECRET_KEY;
    type = CKK_AES;
    t[2].ulValueLen = 15;
    IS(f->C_CreateObject(session, t, 3, &o), CKR_ATTRIBUTE_VALUE_INVALID);
    t[2].ulValueLen = 16;
    t[3] = (CK_ATTRIBUTE){CKA_MODULUS, TEXT("x"), 1}; /* not of such an object */
    IS(f->C_CreateObject(session, t, 4, &o), CKR_ATTRIBUTE_TYPE_INVALID);
    t[3] = (CK_ATTRIBUTE){CKA_LOCAL, &yes, 1}; /* not for the application to say */
    IS(f->C_CreateObject(session, t, 4, &o), CKR_ATTRIBUTE_READ_ONLY);
    t[3] = (CK_ATTRIBUTE){CKA_ENCRYPT, TEXT("xx"), 2};
    IS(f->C_CreateObject(session, t, 4, &o), CKR_ATTRIBUTE_VALUE_INVALID);
    t[3] = (CK_ATTRIBUTE){CKA_TRUSTED, &yes, 1}; /* by the SO only */
    IS(f->C_CreateObject(session, t, 4, &o), CKR_ATTRIBUTE_READ_ONLY);
    t[3] = (CK_ATTRIBUTE){CKA_VALUE_LEN, &type, sizeof type};
    IS(f->C_CreateObject(session, t, 4, &o), CKR_TEMPLATE_INCONSISTENT);
    t[1].pValue = &unknown;
    IS(f->C_CreateObject(session, t, 3, &o), CKR_ATTRIBUTE_VALUE_INVALID);
    IS(f->C_CreateObject(session, NULL, 1, &o), CKR_ARGUMENTS_BAD);
    end();
}
END_TEST

START_TEST(copying)
{
    CK_OBJECT_HANDLE copy, other;
    CK_BYTE out[32];
    begin();
    const CK_OBJECT_HANDLE key = make_secret(CKK_AES, "0123456789abcdef", 16);
    OK(f->C_CopyObject(session, key, NULL, 0, &copy)); /* an empty template */
    ck_assert_uint_ne(copy, key);
    ck_assert_uint_eq(get(copy, CKA_VALUE, out, sizeof out), 16);
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT("copy"), 4}, {CKA_SENSITIVE, &yes, 1}};
    OK(f->C_CopyObject(session, key, t, 2, &other));
    CK_ATTRIBUTE value = {CKA_VALUE, out, sizeof out};
    IS(f->C_GetAttributeValue(session, other, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
    ck_assert_uint_eq(value.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    t[1].pValue = &no; /* and no way back */
    IS(f->C_CopyObject(session, other, t, 2, &copy), CKR_ATTRIBUTE_READ_ONLY);
    IS(f->C_SetAttributeValue(session, other, t + 1, 1), CKR_ATTRIBUTE_READ_ONLY);
    OK(f->C_DestroyObject(session, key)); /* a copy lives on */
    ck_assert_uint_eq(get(copy, CKA_VALUE, out, sizeof out), 16);
    CK_ATTRIBUTE not_again = {CKA_COPYABLE, &no, 1};
    OK(f->C_SetAttributeValue(session, copy, &not_again, 1));
    IS(f->C_CopyObject(session, copy, NULL, 0, &other), CKR_ACTION_PROHIBITED);
    not_again.pValue = &yes;
    IS(f->C_SetAttributeValue(session, copy, &not_again, 1), CKR_ATTRIBUTE_READ_ONLY);
    end();
}
END_TEST

START_TEST(prohibited)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o;
    begin();
    CK_ATTRIBUTE t[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_MODIFIABLE, &no, 1}, {CKA_DESTROYABLE, &no, 1}};
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("x"), 1};
    OK(f->C_CreateObject(session, t, 3, &o));
    IS(f->C_SetAttributeValue(session, o, &label, 1), CKR_ACTION_PROHIBITED);
    IS(f->C_DestroyObject(session, o), CKR_ACTION_PROHIBITED);
    end();
}
END_TEST

START_TEST(private_objects)
{
    CK_OBJECT_HANDLE o[8];
    CK_ULONG size;
    begin();
    make_data(CK_FALSE, CK_FALSE, "seen");
    const CK_OBJECT_HANDLE hidden = make_data(CK_FALSE, CK_TRUE, "hidden");
    ck_assert_uint_eq(find(NULL, 0, o, 8), 2);
    OK(f->C_Logout(session));
    ck_assert_uint_eq(find(NULL, 0, o, 8), 1);
    IS(f->C_GetObjectSize(session, hidden, &size), CKR_OBJECT_HANDLE_INVALID);
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_PRIVATE, &yes, 1}};
    IS(f->C_CreateObject(session, t, 2, o), CKR_USER_NOT_LOGGED_IN);
    end();
}
END_TEST

START_TEST(session_objects_end)
{
    CK_OBJECT_HANDLE o[8];
    begin();
    const CK_SESSION_HANDLE first = session;
    session = open_session(CKF_RW_SESSION);
    make_data(CK_FALSE, CK_FALSE, "of the second session");
    const CK_SESSION_HANDLE second = session;
    session = first; /* every session sees it */
    ck_assert_uint_eq(find(NULL, 0, o, 8), 1);
    OK(f->C_CloseSession(second));
    ck_assert_uint_eq(find(NULL, 0, o, 8), 0);
    end();
}
END_TEST

START_TEST(read_only_sessions)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o;
    CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = 2048;
    begin();
    const CK_SESSION_HANDLE ro = open_session(0);
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, 1}};
    IS(f->C_CreateObject(ro, t, 2, &o), CKR_SESSION_READ_ONLY);
    OK(f->C_CreateObject(ro, t, 1, &o));
    CK_ATTRIBUTE pub[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_TOKEN, &yes, 1}};
    CK_OBJECT_HANDLE a, b;
    IS(f->C_GenerateKeyPair(ro, &m, pub, 2, t + 1, 1, &a, &b), CKR_SESSION_READ_ONLY);
    const struct pair p = make_rsa(CK_TRUE, "k");
    IS(f->C_DestroyObject(ro, p.private), CKR_SESSION_READ_ONLY);
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("x"), 1};
    IS(f->C_SetAttributeValue(ro, p.private, &label, 1), CKR_SESSION_READ_ONLY);
    end();
}
END_TEST

/* ------------------------------------------------------------------ keys of the device */

START_TEST(key_attributes)
{
    CK_BYTE out[1024];
    CK_BBOOL b;
    CK_ULONG n;
    begin();
    const struct pair p = make_rsa(CK_TRUE, "my key");
    ck_assert_uint_eq(get(p.private, CKA_LABEL, out, sizeof out), 6);
    ck_assert_uint_eq(get(p.public, CKA_MODULUS, out, sizeof out), 256);
    ck_assert_uint_eq(get(p.private, CKA_MODULUS, out + 256, 256), 256);
    ck_assert_int_eq(memcmp(out, out + 256, 256), 0);
    ck_assert_uint_eq(get(p.public, CKA_PUBLIC_EXPONENT, out, sizeof out), 3);
    get(p.public, CKA_MODULUS_BITS, &n, sizeof n);
    ck_assert_uint_eq(n, 2048);
    ck_assert_uint_gt(get(p.public, CKA_PUBLIC_KEY_INFO, out, sizeof out), 256);
    const struct {
        CK_ATTRIBUTE_TYPE type;
        CK_BBOOL value;
    } wanted[] = {{CKA_TOKEN, CK_TRUE},
                  {CKA_PRIVATE, CK_TRUE},
                  {CKA_SENSITIVE, CK_TRUE},
                  {CKA_EXTRACTABLE, CK_FALSE},
                  {CKA_ALWAYS_SENSITIVE, CK_TRUE},
                  {CKA_NEVER_EXTRACTABLE, CK_TRUE},
                  {CKA_LOCAL, CK_TRUE},
                  {CKA_SIGN, CK_TRUE},
                  {CKA_DERIVE, CK_FALSE},
                  {CKA_ALWAYS_AUTHENTICATE, CK_FALSE}};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        get(p.private, wanted[i].type, &b, 1);
        ck_assert_msg(b == wanted[i].value, "%lx", wanted[i].type);
    }
    get(p.private, CKA_KEY_GEN_MECHANISM, &n, sizeof n);
    ck_assert_uint_eq(n, CKM_RSA_PKCS_KEY_PAIR_GEN);
    CK_ATTRIBUTE secret = {CKA_PRIVATE_EXPONENT, out, sizeof out};
    IS(f->C_GetAttributeValue(session, p.private, &secret, 1), CKR_ATTRIBUTE_SENSITIVE);
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("new"), 3};
    OK(f->C_SetAttributeValue(session, p.private, &label, 1));
    CK_OBJECT_HANDLE o[4];
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, TEXT("new"), 3}};
    ck_assert_uint_eq(find(t, 2, o, 4), 1);
    ck_assert_uint_eq(o[0], p.private);
    CK_ATTRIBUTE modulus = {CKA_MODULUS, out, 256};
    get(p.public, CKA_MODULUS, out, 256);
    ck_assert_uint_eq(find(&modulus, 1, o, 4), 2);
    OK(f->C_DestroyObject(session, p.private));
    ck_assert_uint_eq(find(t, 2, o, 4), 0);
    end();
}
END_TEST

/* A device that is still there after C_Finalize, in a directory of its own: begin and end */
static void begin_lasting(char directory[TEMP_NAME])
{
    char url[TEMP_NAME + 32];
    temp_name(directory, "p11-test");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(url, sizeof url, "inproc:%s/device", directory);
    setenv("HUFU_DEVICE", url, 1);
    load();
    OK(f->C_Initialize(NULL));
    init_token();
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
}

static void end_lasting(const char *directory)
{
    char command[TEMP_NAME + 16];
    end();
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

/* Everything that a template said survives a restart of application and device. */
START_TEST(attributes_last)
{
    char directory[TEMP_NAME];
    CK_OBJECT_HANDLE o[4], pub, priv, key;
    CK_BYTE out[300], iv[16] = {0}, first[64], second[64];
    CK_ULONG bits = 2048, n = sizeof first;
    CK_BBOOL b;
    CK_MECHANISM_TYPE allowed[] = {CKM_SHA256_RSA_PKCS, CKM_SHA384_RSA_PKCS};
    CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, cbc = {CKM_AES_CBC_PAD, iv, 16};
    CK_DATE end_date = {{'2', '0', '3', '0'}, {'1', '2'}, {'3', '1'}};
    CK_OBJECT_CLASS certificate = CKO_CERTIFICATE, secret = CKO_SECRET_KEY;
    CK_CERTIFICATE_TYPE x509 = CKC_X_509;
    CK_KEY_TYPE aes = CKK_AES;
    begin_lasting(directory);
    CK_ATTRIBUTE t[] = {{CKA_MODULUS_BITS, &bits, sizeof bits},
                        {CKA_TOKEN, &yes, 1},
                        {CKA_LABEL, TEXT("the public one"), 14},
                        {CKA_WRAP, &no, 1}};
    CK_ATTRIBUTE u[] = {{CKA_TOKEN, &yes, 1},
                        {CKA_LABEL, TEXT("the private one"), 15},
                        {CKA_SUBJECT, TEXT("subject"), 7},
                        {CKA_END_DATE, &end_date, sizeof end_date},
                        {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed}};
    OK(f->C_GenerateKeyPair(session, &m, t, COUNT(t), u, COUNT(u), &pub, &priv));
    CK_ATTRIBUTE c[] = {{CKA_CLASS, &certificate, sizeof certificate},
                        {CKA_CERTIFICATE_TYPE, &x509, sizeof x509},
                        {CKA_TOKEN, &yes, 1},
                        {CKA_SUBJECT, TEXT("subject"), 7},
                        {CKA_VALUE, TEXT("a certificate"), 13}};
    OK(f->C_CreateObject(session, c, COUNT(c), &o[0]));
    CK_ATTRIBUTE k[] = {{CKA_CLASS, &secret, sizeof secret},
                        {CKA_KEY_TYPE, &aes, sizeof aes},
                        {CKA_TOKEN, &yes, 1},
                        {CKA_LABEL, TEXT("aes"), 3},
                        {CKA_VALUE, TEXT("0123456789abcdef"), 16}};
    OK(f->C_CreateObject(session, k, COUNT(k), &key));
    OK(f->C_EncryptInit(session, &cbc, key));
    OK(f->C_Encrypt(session, TEXT("text"), 4, first, &n));
    OK(f->C_Finalize(NULL));
    OK(f->C_Initialize(NULL));
    session = open_session(CKF_RW_SESSION); /* what is public needs no login */
    ck_assert_uint_eq(find(c, 1, o, 4), 1);
    ck_assert_uint_eq(get(o[0], CKA_VALUE, out, sizeof out), 13);
    ck_assert_int_eq(memcmp(out, "a certificate", 13), 0);
    ck_assert_uint_eq(find(t + 2, 1, o, 4), 1);
    get(o[0], CKA_WRAP, &b, 1);
    ck_assert_uint_eq(b, CK_FALSE);
    ck_assert_uint_eq(find(u + 1, 1, o, 4), 0);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
    ck_assert_uint_eq(find(u + 1, 1, o, 4), 1);
    ck_assert_uint_eq(o[0], priv);
    ck_assert_uint_eq(get(priv, CKA_SUBJECT, out, sizeof out), 7);
    ck_assert_uint_eq(get(priv, CKA_ALLOWED_MECHANISMS, out, sizeof out), sizeof allowed);
    ck_assert_int_eq(memcmp(out, allowed, sizeof allowed), 0);
    ck_assert_uint_eq(get(priv, CKA_END_DATE, out, sizeof out), sizeof end_date);
    CK_ATTRIBUTE value = {CKA_VALUE, out, sizeof out};
    IS(f->C_GetAttributeValue(session, key, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
    n = sizeof second;
    OK(f->C_EncryptInit(session, &cbc, key));
    OK(f->C_Encrypt(session, TEXT("text"), 4, second, &n));
    ck_assert_int_eq(memcmp(first, second, n), 0);
    OK(f->C_DestroyObject(session, pub)); /* the private key stays */
    ck_assert_uint_eq(find(t + 2, 1, o, 4), 0);
    ck_assert_uint_eq(find(u + 1, 1, o, 4), 1);
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("renamed"), 7};
    OK(f->C_SetAttributeValue(session, priv, &label, 1));
    ck_assert_uint_eq(find(&label, 1, o, 4), 1);
    ck_assert_uint_eq(get(priv, CKA_SUBJECT, out, sizeof out), 7);
    end_lasting(directory);
}
END_TEST

/* Labels are any bytes, whatever can be printed of them. A pair whose private key has gone leaves
 * the public one. Both for other processes, too. */
START_TEST(names_and_parts_last)
{
    static const struct {
        const char *label;
        size_t size;
    } names[] = {
        {"plain", 5},          {"\xc3\xa9t\xc3\xa9", 5}, {"\x35\xb5\x0f\x25\x09\xef\x2f", 7},
        {"a zero\0in it", 12}, {"new\nline", 8},         {"right-to-left \xe2\x80\xae", 17}};
    char directory[TEMP_NAME];
    CK_OBJECT_HANDLE o[4];
    CK_OBJECT_CLASS data_class = CKO_DATA, public = CKO_PUBLIC_KEY, private = CKO_PRIVATE_KEY;
    CK_BYTE out[32], signature[256];
    CK_ULONG n = sizeof signature;
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    begin_lasting(directory);
    for (size_t i = 0; i < COUNT(names); i++) {
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &data_class, sizeof data_class},
                            {CKA_TOKEN, &yes, 1},
                            {CKA_LABEL, TEXT(names[i].label), names[i].size}};
        OK(f->C_CreateObject(session, t, COUNT(t), &o[0]));
    }
    const struct pair p = make_rsa(CK_TRUE, "parted");
    OK(f->C_SignInit(session, &m, p.private));
    OK(f->C_Sign(session, TEXT("x"), 1, signature, &n));
    OK(f->C_DestroyObject(session, p.private));
    OK(f->C_Finalize(NULL));
    OK(f->C_Initialize(NULL));
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
    for (size_t i = 0; i < COUNT(names); i++) {
        CK_ATTRIBUTE t = {CKA_LABEL, TEXT(names[i].label), names[i].size};
        ck_assert_uint_eq(find(&t, 1, o, 4), 1);
        ck_assert_uint_eq(get(o[0], CKA_LABEL, out, sizeof out), names[i].size);
        ck_assert_int_eq(memcmp(out, names[i].label, names[i].size), 0);
    }
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &private, sizeof private}, {CKA_LABEL, TEXT("parted"), 6}};
    ck_assert_uint_eq(find(t, 2, o, 4), 0);
    t[0].pValue = &public;
    ck_assert_uint_eq(find(t, 2, o, 4), 1);
    OK(f->C_VerifyInit(session, &m, o[0]));
    OK(f->C_Verify(session, TEXT("x"), 1, signature, n));
    OK(f->C_DestroyObject(session, o[0]));
    ck_assert_uint_eq(find(t + 1, 1, o, 4), 0);
    end_lasting(directory);
}
END_TEST

/* A key of the device is copied there; the copy signs when the original has gone. */
START_TEST(copying_in_device)
{
    CK_OBJECT_HANDLE copy, fleeting, o[8];
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE signature[256];
    CK_ULONG n = sizeof signature;
    begin();
    const struct pair p = make_rsa(CK_TRUE, "original");
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT("copy"), 4}, {CKA_TOKEN, &no, 1}};
    OK(f->C_CopyObject(session, p.private, t, 1, &copy));
    OK(f->C_CopyObject(session, p.private, t + 1, 1, &fleeting));
    ck_assert_uint_eq(find(t, 1, o, 8), 1);
    ck_assert_uint_eq(o[0], copy);
    OK(f->C_DestroyObject(session, p.private));
    OK(f->C_SignInit(session, &m, copy));
    OK(f->C_Sign(session, TEXT("x"), 1, signature, &n));
    OK(f->C_SignInit(session, &m, fleeting));
    OK(f->C_Sign(session, TEXT("x"), 1, signature, &n));
    end();
}
END_TEST

/* What another application does with the device is seen at the next search. */
START_TEST(handles_last)
{
    char directory[TEMP_NAME];
    CK_OBJECT_HANDLE o[4];
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("steady"), 6};
    begin_lasting(directory);
    const struct pair p = make_rsa(CK_TRUE, "steady");
    OK(f->C_Finalize(NULL));
    OK(f->C_Initialize(NULL)); /* a restart of both */
    session = open_session(CKF_RW_SESSION);
    ck_assert_uint_eq(find(&label, 1, o, 4), 1); /* the public key needs no login */
    ck_assert_uint_eq(o[0], p.public);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
    ck_assert_uint_eq(find(&label, 1, o, 4), 2);
    ck_assert(o[0] == p.private || o[1] == p.private);
    end_lasting(directory);
}
END_TEST

START_TEST(session_pairs)
{
    CK_OBJECT_HANDLE o[8];
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE signature[256];
    CK_ULONG n = sizeof signature;
    begin();
    const CK_SESSION_HANDLE first = session;
    session = open_session(0);
    const struct pair p = make_rsa(CK_FALSE, "fleeting");
    OK(f->C_SignInit(session, &m, p.private));
    OK(f->C_Sign(session, TEXT("x"), 1, signature, &n));
    OK(f->C_CloseSession(session));
    session = first;
    ck_assert_uint_eq(find(NULL, 0, o, 8), 0);
    end();
}
END_TEST

START_TEST(generating_wrongly)
{
    CK_OBJECT_HANDLE a, b;
    CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0}, aes = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG bits = 500, size = 17;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BYTE e[1] = {3};
    begin();
    CK_ATTRIBUTE pub[] = {{CKA_MODULUS_BITS, &bits, sizeof bits},
                          {CKA_PUBLIC_EXPONENT, e, sizeof e},
                          {CKA_CLASS, &class, sizeof class}};
    CK_ATTRIBUTE token = {CKA_TOKEN, &yes, 1};
    IS(f->C_GenerateKeyPair(session, &m, NULL, 0, NULL, 0, &a, &b), CKR_TEMPLATE_INCOMPLETE);
    IS(f->C_GenerateKeyPair(session, &m, pub, 1, NULL, 0, &a, &b), CKR_KEY_SIZE_RANGE);
    bits = 2048;
    e[0] = 2;
    IS(f->C_GenerateKeyPair(session, &m, pub, 2, &token, 1, &a, &b), CKR_ATTRIBUTE_VALUE_INVALID);
    pub[1] = pub[2];
    IS(f->C_GenerateKeyPair(session, &m, pub, 2, NULL, 0, &a, &b), CKR_TEMPLATE_INCONSISTENT);
    m.mechanism = CKM_AES_CBC;
    IS(f->C_GenerateKeyPair(session, &m, pub, 1, NULL, 0, &a, &b), CKR_MECHANISM_INVALID);
    IS(f->C_GenerateKey(session, &aes, NULL, 0, &a), CKR_TEMPLATE_INCOMPLETE);
    CK_ATTRIBUTE len = {CKA_VALUE_LEN, &size, sizeof size};
    IS(f->C_GenerateKey(session, &aes, &len, 1, &a), CKR_KEY_SIZE_RANGE);
    size = 32;
    OK(f->C_GenerateKey(session, &aes, &len, 1, &a));
    end();
}
END_TEST

/* ------------------------------------------------------------------ finding */

START_TEST(finding)
{
    CK_OBJECT_HANDLE o[8];
    CK_ULONG n;
    begin();
    for (int i = 0; i < 5; i++)
        make_data(CK_FALSE, CK_FALSE, i < 3 ? "one" : "two");
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT("one"), 3}, {CKA_APPLICATION, TEXT("test"), 4}};
    ck_assert_uint_eq(find(t, 1, o, 8), 3);
    ck_assert_uint_eq(find(t, 2, o, 8), 3);
    t[1].ulValueLen = 3;
    ck_assert_uint_eq(find(t, 2, o, 8), 0);
    ck_assert_uint_eq(find(NULL, 0, o, 8), 5);
    OK(f->C_FindObjectsInit(session, NULL, 0)); /* in parts */
    IS(f->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
    OK(f->C_FindObjects(session, o, 2, &n));
    ck_assert_uint_eq(n, 2);
    OK(f->C_FindObjects(session, o, 8, &n));
    ck_assert_uint_eq(n, 3);
    OK(f->C_FindObjects(session, o, 8, &n));
    ck_assert_uint_eq(n, 0);
    OK(f->C_FindObjectsFinal(session));
    IS(f->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    IS(f->C_FindObjects(session, o, 8, &n), CKR_OPERATION_NOT_INITIALIZED);
    /* objects that go while a search is open */
    OK(f->C_FindObjectsInit(session, t, 1));
    OK(f->C_FindObjects(session, o, 1, &n));
    OK(f->C_DestroyObject(session, o[0]));
    OK(f->C_FindObjects(session, o, 8, &n));
    OK(f->C_FindObjectsFinal(session));
    end();
}
END_TEST

START_TEST(finding_many)
{
    enum { MANY = 20000 };
    char label[32];
    CK_OBJECT_HANDLE o[4];
    begin();
    for (int i = 0; i < MANY; i++) {
        snprintf(label, sizeof label, "object %d", i);
        make_data(CK_FALSE, CK_FALSE, label);
    }
    for (int i = 0; i < MANY; i += 100) { /* would take minutes without an index */
        snprintf(label, sizeof label, "object %d", i);
        CK_ATTRIBUTE t = {CKA_LABEL, label, strlen(label)};
        ck_assert_uint_eq(find(&t, 1, o, 4), 1);
        OK(f->C_DestroyObject(session, o[0]));
        ck_assert_uint_eq(find(&t, 1, o, 4), 0);
    }
    end();
}
END_TEST

static CK_ULONG count_data(const char *label)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o[4];
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT(label), strlen(label)}, {CKA_CLASS, &class, sizeof class}};
    return find(t, 2, o, 4);
}

/* Among thousands of objects of the token names are looked up in the device, also those that
 * nothing has, as long as nothing has listed them all. */
START_TEST(finding_in_device)
{
    enum { MANY = 550 };
    CK_OBJECT_HANDLE o[4], a, b;
    CK_OBJECT_CLASS public = CKO_PUBLIC_KEY;
    CK_ULONG bits = 2048;
    CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_LABEL, TEXT("one"), 3},
                          {CKA_CLASS, &public, sizeof public},
                          {CKA_MODULUS_BITS, &bits, sizeof bits}};
    CK_ATTRIBUTE priv[] = {{CKA_LABEL, TEXT("its"), 3}, {CKA_TOKEN, &yes, 1}};
    begin();
    for (int i = 0; i < MANY; i++)
        make_data(CK_TRUE, CK_FALSE, "many");
    OK(f->C_GenerateKeyPair(session, &m, pub, 3, priv, 2, &a, &b));
    make_data(CK_TRUE, CK_FALSE, "one");
    make_data(CK_TRUE, CK_TRUE, "two");
    const CK_OBJECT_HANDLE two = make_data(CK_TRUE, CK_TRUE, "two");
    make_data(CK_FALSE, CK_FALSE, "of a session");
    ck_assert_uint_eq(count_data("none"), 0);
    ck_assert_uint_eq(count_data("one"), 1);
    ck_assert_uint_eq(count_data("two"), 2);
    ck_assert_uint_eq(count_data("of a session"), 1);
    OK(f->C_DestroyObject(session, two));
    ck_assert_uint_eq(count_data("two"), 1);
    CK_ATTRIBUTE one = {CKA_LABEL, TEXT("one"), 3}, moved = {CKA_LABEL, TEXT("moved"), 5};
    ck_assert_uint_eq(find(pub, 2, o, 4), 1);
    ck_assert_uint_eq(find(&one, 1, o, 4), 2);
    OK(f->C_DestroyObject(session, b));
    OK(f->C_DestroyObject(session, a));
    ck_assert_uint_eq(find(&one, 1, o, 4), 1);
    OK(f->C_SetAttributeValue(session, o[0], &moved, 1));
    ck_assert_uint_eq(count_data("one"), 0);
    ck_assert_uint_eq(count_data("moved"), 1);
    OK(f->C_Logout(session));
    ck_assert_uint_eq(count_data("two"), 0);
    ck_assert_uint_eq(count_data("moved"), 1);
    ck_assert_uint_eq(find(&one, 1, o, 4), 0); /* of any class: all are listed */
    ck_assert_uint_eq(count_data("moved"), 1);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 objects");
    TCase *c = suite_case(s, "objects", 120, NULL, NULL), *many = long_case(s, "many", 120);
    tcase_add_test(c, data);
    tcase_add_test(c, reading);
    tcase_add_test(c, creating_wrongly);
    tcase_add_test(c, copying);
    tcase_add_test(c, prohibited);
    tcase_add_test(c, private_objects);
    tcase_add_test(c, session_objects_end);
    tcase_add_test(c, read_only_sessions);
    tcase_add_test(c, key_attributes);
    tcase_add_test(c, attributes_last);
    tcase_add_test(c, names_and_parts_last);
    tcase_add_test(c, copying_in_device);
    tcase_add_test(c, handles_last);
    tcase_add_test(c, session_pairs);
    tcase_add_test(c, generating_wrongly);
    tcase_add_test(c, finding);
    tcase_add_test(many, finding_many);
    tcase_add_test(many, finding_in_device);
    return suite_run(s);
}
