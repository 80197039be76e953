/* For the tests of the PKCS#11 module: it is loaded as an application would, over a device in RAM.
 */
#ifndef HUFU_TEST_P11_TOOLS_H
#define HUFU_TEST_P11_TOOLS_H

#include "host/pkcs11/v3.h"
#include "tests/lib/temp.h"

#include <check.h>
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIN          "user-pin"
#define SO_PIN       "so-pin-so"
#define TEXT(s)      ((CK_UTF8CHAR *)(uintptr_t)(s))
#define OK(call)     ck_assert_uint_eq((call), CKR_OK)
#define IS(call, rv) ck_assert_uint_eq((call), (rv))
#define COUNT(array) (sizeof(array) / sizeof *(array))

static CK_FUNCTION_LIST *f;
static CK_FUNCTION_LIST_3_0 *f3;
static CK_SESSION_HANDLE session;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Next to the folder of the tests, or where HUFU_TEST_PKCS11 says. */
static inline const char *module_path(void)
{
    static char path[PATH_MAX + 32];
    char self[PATH_MAX] = "";
    const char *given = getenv("HUFU_TEST_PKCS11");
    ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof self - 1), 0);
    snprintf(path, sizeof path, "%s/hufu-pkcs11.so", dirname(dirname(self)));
    return given ? given : path;
}

static inline void load(void)
{
    CK_C_GetFunctionList get = NULL;
    CK_RV (*get_interface)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = NULL;
    CK_INTERFACE *i;
    void *module = dlopen(module_path(), RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(module != NULL, "%s", dlerror());
    *(void **)&get = dlsym(module, "C_GetFunctionList");
    ck_assert(get != NULL);
    OK(get(&f));
    *(void **)&get_interface = dlsym(module, "C_GetInterface");
    if (get_interface && get_interface(TEXT("PKCS 11"), NULL, &i, 0) == CKR_OK)
        f3 = i->pFunctionList;
}

static inline CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
    CK_SESSION_HANDLE s;
    OK(f->C_OpenSession(0, CKF_SERIAL_SESSION | flags, NULL, NULL, &s));
    return s;
}

static inline void init_token(void)
{
    CK_UTF8CHAR label[33] = "test token                      ";
    OK(f->C_InitToken(0, TEXT(SO_PIN), strlen(SO_PIN), label));
    const CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
    OK(f->C_Login(s, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)));
    OK(f->C_InitPIN(s, TEXT(PIN), strlen(PIN)));
    OK(f->C_CloseSession(s));
}

/* Loaded and initialised; the token is blank. */
static inline void begin_blank(void)
{
    setenv("HUFU_DEVICE", "inproc:", 1);
    unsetenv("HUFU_PKCS11_CONF");
    load();
    OK(f->C_Initialize(NULL));
}

/* And with a user in a session. */
static inline void begin(void)
{
    begin_blank();
    init_token();
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
}

static inline void end(void)
{
    OK(f->C_Finalize(NULL));
}

/* ------------------------------------------------------------------ objects */

struct pair {
    CK_OBJECT_HANDLE public, private;
};

static inline struct pair make_rsa(CK_BBOOL token, const char *label)
{
    struct pair p;
    CK_ULONG bits = 2048;
    CK_BYTE e[3] = {1, 0, 1};
    CK_MECHANISM m = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE pub[] = {{CKA_TOKEN, &token, 1},
                          {CKA_MODULUS_BITS, &bits, sizeof bits},
                          {CKA_PUBLIC_EXPONENT, e, sizeof e},
                          {CKA_LABEL, TEXT(label), strlen(label)},
                          {CKA_ID, TEXT(label), strlen(label)}};
    CK_ATTRIBUTE priv[] = {{CKA_TOKEN, &token, 1},
                           {CKA_LABEL, TEXT(label), strlen(label)},
                           {CKA_ID, TEXT(label), strlen(label)}};
    OK(f->C_GenerateKeyPair(session, &m, pub, COUNT(pub), priv, COUNT(priv), &p.public,
                            &p.private));
    return p;
}

static inline CK_OBJECT_HANDLE make_secret(CK_KEY_TYPE type, const void *value, CK_ULONG size)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_OBJECT_HANDLE key;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1},
                        {CKA_VALUE, TEXT(value), size}};
    OK(f->C_CreateObject(session, t, COUNT(t), &key));
    return key;
}

static inline CK_ULONG get(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *out, CK_ULONG room)
{
    CK_ATTRIBUTE a = {type, out, room};
    OK(f->C_GetAttributeValue(session, o, &a, 1));
    return a.ulValueLen;
}

static inline CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out, CK_ULONG max)
{
    CK_ULONG found;
    OK(f->C_FindObjectsInit(session, t, n));
    OK(f->C_FindObjects(session, out, max, &found));
    OK(f->C_FindObjectsFinal(session));
    return found;
}

#endif
