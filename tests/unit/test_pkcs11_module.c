/* The PKCS#11 module: loading, initialising, slots, sessions, logging in, threads, forks. */
#include "tests/lib/run.h"
#include "tests/unit/p11_tools.h"

#include <pthread.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------ C_Initialize */

START_TEST(lists)
{
    load();
    ck_assert_uint_eq(f->version.major, 2);
    ck_assert_uint_eq(f->version.minor, 40);
    ck_assert_uint_eq(f3->base.version.major, 3);
    CK_ULONG n = 0;
    CK_INTERFACE list[4], *i;
    OK(f3->C_GetInterfaceList(NULL, &n));
    ck_assert_uint_eq(n, 2);
    n = 1;
    IS(f3->C_GetInterfaceList(list, &n), CKR_BUFFER_TOO_SMALL);
    n = 4;
    OK(f3->C_GetInterfaceList(list, &n));
    ck_assert_str_eq((char *)list[0].pInterfaceName, "PKCS 11");
    CK_VERSION v = {2, 40};
    OK(f3->C_GetInterface(TEXT("PKCS 11"), &v, &i, 0));
    ck_assert_ptr_eq(i->pFunctionList, f);
    v.major = 9;
    IS(f3->C_GetInterface(NULL, &v, &i, 0), CKR_FUNCTION_FAILED);
    IS(f3->C_GetInterface(TEXT("Vendor X"), NULL, &i, 0), CKR_FUNCTION_FAILED);
    IS(f->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
    void **entry = (void **)(void *)&f->C_Initialize; /* no hole in either list */
    for (size_t k = 0; k < (sizeof *f - sizeof(void *)) / sizeof(void *); k++)
        ck_assert_ptr_nonnull(entry[k]);
    entry = (void **)(void *)&f3->base.C_Initialize;
    for (size_t k = 0; k < (sizeof *f3 - sizeof(void *)) / sizeof(void *); k++)
        ck_assert_ptr_nonnull(entry[k]);
}
END_TEST

START_TEST(not_initialised)
{
    CK_INFO info;
    CK_ULONG n;
    CK_SLOT_INFO slot;
    load();
    IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    IS(f->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
    IS(f->C_GetSlotList(CK_FALSE, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
    IS(f->C_GetSlotInfo(0, &slot), CKR_CRYPTOKI_NOT_INITIALIZED);
    IS(f->C_Logout(1), CKR_CRYPTOKI_NOT_INITIALIZED);
    IS(f->C_DigestInit(1, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}
END_TEST

static int locks;
static CK_RV lock_new(void **mutex)
{
    pthread_mutex_t *m = malloc(sizeof *m);
    pthread_mutex_init(m, NULL);
    *mutex = m;
    return CKR_OK;
}
static CK_RV lock_free(void *mutex)
{
    pthread_mutex_destroy(mutex);
    free(mutex);
    return CKR_OK;
}
static CK_RV lock_lock(void *mutex)
{
    __atomic_add_fetch(&locks, 1, __ATOMIC_RELAXED);
    return pthread_mutex_lock(mutex) ? CKR_GENERAL_ERROR : CKR_OK;
}
static CK_RV lock_unlock(void *mutex)
{
    return pthread_mutex_unlock(mutex) ? CKR_GENERAL_ERROR : CKR_OK;
}

START_TEST(initialise_arguments)
{
    setenv("HUFU_DEVICE", "inproc:", 1);
    load();
    CK_C_INITIALIZE_ARGS a = {NULL, NULL, NULL, NULL, 0, &locks};
    IS(f->C_Initialize(&a), CKR_ARGUMENTS_BAD);
    a = (CK_C_INITIALIZE_ARGS){lock_new, NULL, NULL, NULL, 0, NULL};
    IS(f->C_Initialize(&a), CKR_ARGUMENTS_BAD);
    IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    /* the application's own mutexes, when it does not allow others */
    a = (CK_C_INITIALIZE_ARGS){lock_new, lock_free, lock_lock, lock_unlock, 0, NULL};
    OK(f->C_Initialize(&a));
    IS(f->C_Initialize(&a), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    init_token();
    ck_assert_int_gt(locks, 0);
    OK(f->C_Finalize(NULL));
    IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    locks = 0;
    a.flags = CKF_OS_LOCKING_OK;
    OK(f->C_Initialize(&a));
    init_token();
    ck_assert_int_eq(locks, 0);
    IS(f->C_Finalize(&a), CKR_ARGUMENTS_BAD);
    OK(f->C_Finalize(NULL));
    for (int i = 0; i < 3; i++) {
        OK(f->C_Initialize(NULL));
        OK(f->C_Finalize(NULL));
    }
}
END_TEST

static pthread_barrier_t beginning;

static void *begin_too(void *arg)
{
    CK_ULONG n;
    (void)arg;
    pthread_barrier_wait(&beginning);
    const CK_RV rv = f->C_Initialize(NULL);
    const CK_RV then = f->C_GetSlotList(CK_FALSE, NULL, &n);
    return (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) && then == CKR_OK ? NULL : arg;
}

/* Whoever comes while another thread initialises can use the module afterwards, too. */
START_TEST(initialising_at_once)
{
    enum { STARTERS = 4 };
    pthread_t t[STARTERS];
    void *bad[STARTERS];
    load();
    pthread_barrier_init(&beginning, NULL, STARTERS);
    for (int turn = 0; turn < 100; turn++) {
        for (int i = 0; i < STARTERS; i++)
            pthread_create(&t[i], NULL, begin_too, &bad[i]);
        for (int i = 0; i < STARTERS; i++) {
            pthread_join(t[i], &bad[i]);
            ck_assert_ptr_null(bad[i]);
        }
        OK(f->C_Finalize(NULL));
    }
    pthread_barrier_destroy(&beginning);
}
END_TEST

START_TEST(configuration)
{
    char path[TEMP_NAME];
    CK_ULONG n = 0;
    CK_SLOT_ID list[8];
    CK_SLOT_INFO info;
    temp_name(path, "p11-conf");
    FILE *file = fdopen(mkstemp(path), "w");
    fprintf(file,
            "# two\n[device]\nurl = inproc:\n\n[device]\n  url=unix:/nonexistent/socket # no\n"
            "numbers = luna\naccount = 3\nrelogin = yes\n");
    fclose(file);
    setenv("HUFU_PKCS11_CONF", path, 1);
    load();
    OK(f->C_Initialize(NULL));
    OK(f->C_GetSlotList(CK_FALSE, NULL, &n));
    ck_assert_uint_eq(n, 2);
    OK(f->C_GetSlotList(CK_TRUE, NULL, &n));
    ck_assert_uint_eq(n, 1);
    n = 8;
    OK(f->C_GetSlotList(CK_TRUE, list, &n));
    ck_assert_uint_eq(list[0], 0);
    n = 0;
    IS(f->C_GetSlotList(CK_FALSE, list, &n), CKR_BUFFER_TOO_SMALL);
    OK(f->C_GetSlotInfo(1, &info));
    ck_assert(!(info.flags & CKF_TOKEN_PRESENT));
    IS(f->C_GetSlotInfo(2, &info), CKR_SLOT_ID_INVALID);
    CK_TOKEN_INFO token;
    IS(f->C_GetTokenInfo(1, &token), CKR_TOKEN_NOT_PRESENT);
    CK_SESSION_HANDLE s;
    IS(f->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_TOKEN_NOT_PRESENT);
    CK_MECHANISM_INFO m;
    IS(f->C_GetMechanismInfo(0, CKM_LUNA_SM3_SM2, &m), CKR_MECHANISM_INVALID);
    OK(f->C_GetMechanismInfo(1, CKM_LUNA_SM3_SM2, &m));
    OK(f->C_Finalize(NULL));
    file = fopen(path, "w");
    fprintf(file, "[device]\nurl = inproc:\nnonsense = 1\n");
    fclose(file);
    IS(f->C_Initialize(NULL), CKR_GENERAL_ERROR);
    unlink(path);
    IS(f->C_Initialize(NULL), CKR_GENERAL_ERROR);
}
END_TEST

/* Keys and signatures by Luna's numbers are the same as by the usual ones. */
START_TEST(luna_numbers)
{
    char path[TEMP_NAME];
    CK_MECHANISM gen = {CKM_LUNA_SM2_GEN, NULL, 0}, sign = {CKM_LUNA_SM3_SM2, NULL, 0},
                 verify = {CKM_SM3_SM2, NULL, 0}, sm3 = {CKM_LUNA_SM3, NULL, 0},
                 raw = {CKM_LUNA_SM2, NULL, 0};
    CK_OBJECT_HANDLE public, private;
    CK_KEY_TYPE type = 0;
    CK_BYTE signature[64], digest[32];
    CK_ULONG n = sizeof signature, size = sizeof digest;
    temp_name(path, "p11-conf");
    FILE *file = fdopen(mkstemp(path), "w");
    fprintf(file, "[device]\nurl = inproc:\nnumbers = luna\n");
    fclose(file);
    setenv("HUFU_PKCS11_CONF", path, 1);
    load();
    OK(f->C_Initialize(NULL));
    init_token();
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
    OK(f->C_GenerateKeyPair(session, &gen, NULL, 0, NULL, 0, &public, &private));
    get(private, CKA_KEY_TYPE, &type, sizeof type);
    ck_assert_uint_eq(type, CKK_LUNA_SM2);
    OK(f->C_SignInit(session, &sign, private));
    OK(f->C_Sign(session, TEXT("abc"), 3, signature, &n));
    OK(f->C_VerifyInit(session, &verify, public));
    OK(f->C_Verify(session, TEXT("abc"), 3, signature, n));
    OK(f->C_DigestInit(session, &sm3));
    OK(f->C_Digest(session, TEXT("abc"), 3, digest, &size));
    ck_assert_uint_eq(digest[0], 0x66);
    OK(f->C_SignInit(session, &raw, private));
    OK(f->C_Sign(session, digest, size, signature, &n));
    unlink(path);
    end();
}
END_TEST

START_TEST(information)
{
    CK_INFO info;
    CK_TOKEN_INFO t;
    begin_blank();
    OK(f->C_GetInfo(&info));
    ck_assert_uint_eq(info.cryptokiVersion.major, 3);
    ck_assert_int_eq(memcmp(info.manufacturerID, "Hufu ", 5), 0);
    IS(f->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert(!(t.flags & CKF_TOKEN_INITIALIZED));
    init_token();
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert(t.flags & CKF_TOKEN_INITIALIZED);
    ck_assert(t.flags & CKF_USER_PIN_INITIALIZED);
    ck_assert(t.flags & CKF_LOGIN_REQUIRED);
    ck_assert(t.flags & CKF_RNG);
    ck_assert_int_eq(memcmp(t.label, "test token                      ", 32), 0);
    ck_assert_uint_eq(t.ulMinPinLen, 6);
    ck_assert_uint_eq(t.ulMaxPinLen, 255);
    end();
}
END_TEST

START_TEST(no_event)
{
    CK_SLOT_ID slot;
    begin_blank();
    OK(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL)); /* it has come */
    ck_assert_uint_eq(slot, 0);
    IS(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
    IS(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
    end();
}
END_TEST

/* ------------------------------------------------------------------ sessions and logging in */

static CK_STATE state_of(CK_SESSION_HANDLE s)
{
    CK_SESSION_INFO info;
    OK(f->C_GetSessionInfo(s, &info));
    return info.state;
}

START_TEST(sessions)
{
    CK_SESSION_HANDLE ro, rw, s;
    begin_blank();
    init_token();
    IS(f->C_OpenSession(0, CKF_RW_SESSION, NULL, NULL, &s), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    IS(f->C_OpenSession(7, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_SLOT_ID_INVALID);
    IS(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
    ro = open_session(0);
    rw = open_session(CKF_RW_SESSION);
    ck_assert_uint_eq(state_of(ro), CKS_RO_PUBLIC_SESSION);
    ck_assert_uint_eq(state_of(rw), CKS_RW_PUBLIC_SESSION);
    IS(f->C_Login(rw, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)), CKR_SESSION_READ_ONLY_EXISTS);
    OK(f->C_Login(ro, CKU_USER, TEXT(PIN), strlen(PIN)));
    ck_assert_uint_eq(state_of(ro), CKS_RO_USER_FUNCTIONS);
    ck_assert_uint_eq(state_of(rw), CKS_RW_USER_FUNCTIONS);
    IS(f->C_Login(rw, CKU_USER, TEXT(PIN), strlen(PIN)), CKR_USER_ALREADY_LOGGED_IN);
    IS(f->C_Login(rw, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    OK(f->C_Logout(rw));
    IS(f->C_Logout(rw), CKR_USER_NOT_LOGGED_IN);
    ck_assert_uint_eq(state_of(ro), CKS_RO_PUBLIC_SESSION);
    OK(f->C_CloseSession(ro));
    IS(f->C_CloseSession(ro), CKR_SESSION_HANDLE_INVALID);
    OK(f->C_Login(rw, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)));
    ck_assert_uint_eq(state_of(rw), CKS_RW_SO_FUNCTIONS);
    IS(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_SESSION_READ_WRITE_SO_EXISTS);
    CK_UTF8CHAR label[33] = "another                         ";
    IS(f->C_InitToken(0, TEXT(SO_PIN), strlen(SO_PIN), label), CKR_SESSION_EXISTS);
    OK(f->C_CloseAllSessions(0));
    rw = open_session(CKF_RW_SESSION); /* the last one took the login along */
    ck_assert_uint_eq(state_of(rw), CKS_RW_PUBLIC_SESSION);
    IS(f->C_Login(rw, 99, TEXT(PIN), strlen(PIN)), CKR_USER_TYPE_INVALID);
    IS(f->C_Login(rw, CKU_CONTEXT_SPECIFIC, TEXT(PIN), strlen(PIN)), CKR_OPERATION_NOT_INITIALIZED);
    IS(f->C_Login(12345, CKU_USER, TEXT(PIN), strlen(PIN)), CKR_SESSION_HANDLE_INVALID);
    CK_SESSION_HANDLE many[500];
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = open_session(0);
    for (size_t i = 0; i < COUNT(many); i++)
        OK(f->C_CloseSession(many[i]));
    end();
}
END_TEST

START_TEST(pins)
{
    CK_TOKEN_INFO t;
    begin_blank();
    CK_UTF8CHAR label[33] = "test token                      ";
    IS(f->C_InitToken(0, TEXT("short"), 5, label), CKR_PIN_LEN_RANGE);
    OK(f->C_InitToken(0, TEXT(SO_PIN), strlen(SO_PIN), label));
    const CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
    IS(f->C_Login(s, CKU_USER, TEXT(PIN), strlen(PIN)), CKR_USER_PIN_NOT_INITIALIZED);
    IS(f->C_InitPIN(s, TEXT(PIN), strlen(PIN)), CKR_USER_NOT_LOGGED_IN);
    IS(f->C_Login(s, CKU_SO, TEXT("wrong pin"), 9), CKR_PIN_INCORRECT);
    OK(f->C_Login(s, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)));
    IS(f->C_InitPIN(s, TEXT("short"), 5), CKR_PIN_LEN_RANGE);
    OK(f->C_InitPIN(s, TEXT(PIN), strlen(PIN)));
    OK(f->C_SetPIN(s, TEXT(SO_PIN), strlen(SO_PIN), TEXT("so-second"), 9));
    OK(f->C_Logout(s));
    /* without a login it is the user's */
    IS(f->C_SetPIN(s, TEXT("wrong pin"), 9, TEXT("user-second"), 11), CKR_PIN_INCORRECT);
    IS(f->C_SetPIN(s, TEXT(PIN), strlen(PIN), TEXT("2nd"), 3), CKR_PIN_LEN_RANGE);
    OK(f->C_SetPIN(s, TEXT(PIN), strlen(PIN), TEXT("user-second"), 11));
    IS(f->C_Login(s, CKU_USER, TEXT(PIN), strlen(PIN)), CKR_PIN_INCORRECT);
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert(t.flags & CKF_USER_PIN_COUNT_LOW);
    OK(f->C_Login(s, CKU_USER, TEXT("user-second"), 11));
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert(!(t.flags & CKF_USER_PIN_COUNT_LOW));
    OK(f->C_SetPIN(s, TEXT("user-second"), 11, TEXT(PIN), strlen(PIN)));
    OK(f->C_Logout(s));
    for (int i = 0; i < 9; i++)
        IS(f->C_Login(s, CKU_USER, TEXT("wrong pin"), 9), CKR_PIN_INCORRECT);
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert(t.flags & CKF_USER_PIN_FINAL_TRY);
    f->C_Login(s, CKU_USER, TEXT("wrong pin"), 9);
    IS(f->C_Login(s, CKU_USER, TEXT(PIN), strlen(PIN)), CKR_PIN_LOCKED);
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert(t.flags & CKF_USER_PIN_LOCKED);
    OK(f->C_Login(s, CKU_SO, TEXT("so-second"), 9));
    OK(f->C_InitPIN(s, TEXT(PIN), strlen(PIN)));
    OK(f->C_Logout(s));
    OK(f->C_Login(s, CKU_USER, TEXT(PIN), strlen(PIN)));
    IS(f->C_SetPIN(open_session(0), TEXT(PIN), strlen(PIN), TEXT(PIN), strlen(PIN)),
       CKR_SESSION_READ_ONLY);
    end();
}
END_TEST

START_TEST(login_by_name)
{
    begin_blank();
    init_token();
    const CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
    IS(f3->C_LoginUser(s, CKU_USER, TEXT(PIN), strlen(PIN), TEXT("nobody"), 6), CKR_PIN_INCORRECT);
    OK(f3->C_LoginUser(s, CKU_USER, TEXT(PIN), strlen(PIN), TEXT("user"), 4));
    ck_assert_uint_eq(state_of(s), CKS_RW_USER_FUNCTIONS);
    end();
}
END_TEST

START_TEST(init_token_again)
{
    CK_UTF8CHAR label[33] = "new label                       ";
    CK_TOKEN_INFO t;
    begin();
    make_rsa(CK_TRUE, "gone");
    OK(f->C_CloseAllSessions(0));
    IS(f->C_InitToken(0, TEXT("wrong pin"), 9, label), CKR_PIN_INCORRECT);
    OK(f->C_InitToken(0, TEXT(SO_PIN), strlen(SO_PIN), label));
    OK(f->C_GetTokenInfo(0, &t));
    ck_assert_int_eq(memcmp(t.label, label, 32), 0);
    ck_assert(!(t.flags & CKF_USER_PIN_INITIALIZED));
    init_token();
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
    CK_OBJECT_HANDLE o[4];
    ck_assert_uint_eq(find(NULL, 0, o, 4), 0);
    end();
}
END_TEST

/* ------------------------------------------------------------------ threads */

enum { THREADS = 16, TURNS = 20 };
static struct pair shared;
static int failures;

static void *sign_much(void *unused)
{
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE data[64] = {1}, signature[256];
    CK_SESSION_HANDLE s;
    (void)unused;
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < TURNS; i++) {
        CK_ULONG n = sizeof signature;
        if (f->C_SignInit(s, &m, shared.private) ||
            f->C_Sign(s, data, sizeof data, signature, &n) ||
            f->C_VerifyInit(s, &m, shared.public) ||
            f->C_Verify(s, data, sizeof data, signature, n))
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    }
    f->C_CloseSession(s);
    return NULL;
}

START_TEST(threads)
{
    pthread_t t[THREADS];
    begin();
    shared = make_rsa(CK_TRUE, "shared");
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, sign_much, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(failures, 0);
    end();
}
END_TEST

/* All of them look at a token that none has seen since the log-in. */
enum { KEPT = 300, LOOKERS = 4 };
static pthread_barrier_t logged_in;

static CK_ULONG count_kept(CK_SESSION_HANDLE s)
{
    static CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE t = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE o[KEPT + 1];
    CK_ULONG n = 0;
    return f->C_FindObjectsInit(s, &t, 1) || f->C_FindObjects(s, o, KEPT + 1, &n) ||
                   f->C_FindObjectsFinal(s)
               ? 0
               : n;
}

static void *look(void *unused)
{
    CK_SESSION_HANDLE s;
    (void)unused;
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&logged_in);
    count_kept(s);
    if (count_kept(s) != KEPT)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    f->C_CloseSession(s);
    return NULL;
}

START_TEST(looking_at_once)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o;
    CK_ATTRIBUTE data[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, 1}};
    pthread_t t[LOOKERS];
    begin();
    for (int i = 0; i < KEPT; i++)
        OK(f->C_CreateObject(session, data, COUNT(data), &o));
    pthread_barrier_init(&logged_in, NULL, LOOKERS);
    for (int turn = 0; turn < TURNS; turn++) {
        OK(f->C_Logout(session));
        OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
        for (int i = 0; i < LOOKERS; i++)
            pthread_create(&t[i], NULL, look, NULL);
        for (int i = 0; i < LOOKERS; i++)
            pthread_join(t[i], NULL);
        ck_assert_uint_eq(count_kept(session), KEPT);
    }
    ck_assert_int_eq(failures, 0);
    pthread_barrier_destroy(&logged_in);
    end();
}
END_TEST

/* And make objects meanwhile: each is there, and once. */
static void *make_and_look(void *unused)
{
    static CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE data[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, 1}};
    CK_SESSION_HANDLE s;
    CK_OBJECT_HANDLE o;
    CK_BBOOL private;
    (void)unused;
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < TURNS; i++) {
        CK_ATTRIBUTE get = {CKA_PRIVATE, &private, 1};
        if (f->C_CreateObject(s, data, COUNT(data), &o) != CKR_OK || !count_kept(s) ||
            f->C_GetAttributeValue(s, o, &get, 1) != CKR_OK)
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    }
    f->C_CloseSession(s);
    return NULL;
}

START_TEST(making_and_looking)
{
    pthread_t t[LOOKERS];
    begin();
    for (int i = 0; i < LOOKERS; i++)
        pthread_create(&t[i], NULL, make_and_look, NULL);
    for (int i = 0; i < LOOKERS; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(failures, 0);
    ck_assert_uint_eq(count_kept(session), LOOKERS * TURNS);
    end();
}
END_TEST

/* Use a key that none has seen since the log-in, and one that is looked at for the first time. */
static CK_RV sign_once(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM m = {CKM_ECDSA_SHA256, NULL, 0};
    CK_BYTE data[32] = {1}, signature[64];
    CK_ULONG n = sizeof signature;
    const CK_RV rv = f->C_SignInit(s, &m, key);
    return rv ? rv : f->C_Sign(s, data, sizeof data, signature, &n);
}

static CK_RV find_and_sign(CK_SESSION_HANDLE s)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, TEXT("first"), 5}};
    CK_OBJECT_HANDLE key;
    CK_ULONG n;
    CK_RV rv = f->C_FindObjectsInit(s, t, COUNT(t));
    if (rv == CKR_OK)
        rv = f->C_FindObjects(s, &key, 1, &n);
    if (rv == CKR_OK)
        rv = f->C_FindObjectsFinal(s);
    return rv == CKR_OK && n == 1 ? sign_once(s, key) : rv ? rv : CKR_KEY_HANDLE_INVALID;
}

static CK_RV make_curve(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *private)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public[] = {{CKA_EC_PARAMS, p256, sizeof p256}, {CKA_TOKEN, &yes, 1}},
                 own[] = {{CKA_SIGN, &yes, 1},
                          {CKA_TOKEN, &yes, 1},
                          {CKA_LABEL, TEXT(label), strlen(label)}};
    CK_OBJECT_HANDLE o;
    return f->C_GenerateKeyPair(s, &m, public, COUNT(public), own, COUNT(own), &o, private);
}

static void *use_keys(void *unused)
{
    CK_SESSION_HANDLE s;
    CK_OBJECT_HANDLE key;
    (void)unused;
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&logged_in);
    CK_RV rv = find_and_sign(s);
    for (int i = 0; i < 4 && rv == CKR_OK; i++) {
        rv = make_curve(s, "another", &key);
        for (int k = 0; k < 4 && rv == CKR_OK; k++)
            rv = sign_once(s, key);
        if (rv == CKR_OK)
            rv = find_and_sign(s);
    }
    if (rv != CKR_OK)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    f->C_CloseSession(s);
    return NULL;
}

START_TEST(using_at_once)
{
    CK_OBJECT_HANDLE key;
    pthread_t t[LOOKERS];
    begin();
    OK(make_curve(session, "first", &key));
    pthread_barrier_init(&logged_in, NULL, LOOKERS);
    for (int turn = 0; turn < TURNS; turn++) {
        OK(f->C_Logout(session));
        OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
        for (int i = 0; i < LOOKERS; i++)
            pthread_create(&t[i], NULL, use_keys, NULL);
        for (int i = 0; i < LOOKERS; i++)
            pthread_join(t[i], NULL);
    }
    ck_assert_int_eq(failures, 0);
    pthread_barrier_destroy(&logged_in);
    end();
}
END_TEST

/* C_Finalize while others are inside: they end with one of a few codes, and nothing is lost. */
static void *sign_until_end(void *started)
{
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE data[64] = {1}, signature[256];
    CK_SESSION_HANDLE s;
    CK_RV rv = f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s);
    pthread_barrier_wait(started);
    while (rv == CKR_OK) {
        CK_ULONG n = sizeof signature;
        rv = f->C_SignInit(s, &m, shared.private);
        if (rv == CKR_OK)
            rv = f->C_Sign(s, data, sizeof data, signature, &n);
    }
    if (rv != CKR_CRYPTOKI_NOT_INITIALIZED)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void *wait_for_event(void *started)
{
    CK_SLOT_ID slot;
    pthread_barrier_wait(started);
    if (f->C_WaitForSlotEvent(0, &slot, NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    return NULL;
}

START_TEST(finalise_under_load)
{
    pthread_t t[THREADS + 1];
    pthread_barrier_t started;
    CK_SLOT_ID slot;
    begin();
    shared = make_rsa(CK_TRUE, "shared");
    f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
    pthread_barrier_init(&started, NULL, THREADS + 2);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, sign_until_end, &started);
    pthread_create(&t[THREADS], NULL, wait_for_event, &started);
    pthread_barrier_wait(&started);
    usleep(50000);
    OK(f->C_Finalize(NULL));
    for (int i = 0; i <= THREADS; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(failures, 0);
    OK(f->C_Initialize(NULL));
    end();
}
END_TEST

/* One session used by several threads is an error of theirs, but not a crash. */
static void *share_session(void *unused)
{
    CK_MECHANISM m = {CKM_SHA256, NULL, 0};
    CK_BYTE data[64] = {1}, digest[32];
    (void)unused;
    for (int i = 0; i < 500; i++) {
        CK_ULONG n = sizeof digest;
        f->C_DigestInit(session, &m);
        f->C_DigestUpdate(session, data, sizeof data);
        f->C_DigestFinal(session, digest, &n);
        f->C_FindObjectsInit(session, NULL, 0);
        f->C_FindObjectsFinal(session);
    }
    return NULL;
}

START_TEST(shared_session)
{
    pthread_t t[4];
    begin();
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, share_session, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    end();
}
END_TEST

/* ------------------------------------------------------------------ forks */

static int child_of_fork(void)
{
    CK_INFO info;
    CK_BYTE out[16];
    CK_SESSION_HANDLE s;
    if (f->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED)
        return 1;
    if (f->C_GenerateRandom(session, out, sizeof out) != CKR_CRYPTOKI_NOT_INITIALIZED)
        return 2;
    setenv("HUFU_DEVICE", "inproc:", 1);
    if (f->C_Initialize(NULL) != CKR_OK)
        return 3;
    init_token(); /* its device is another, and blank */
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
        return 4;
    return f->C_Finalize(NULL) == CKR_OK ? 0 : 5;
}

START_TEST(forks)
{
#ifdef __SANITIZE_THREAD__
    puts("SKIP  forks: ThreadSanitizer cannot follow threads that a child of threads starts");
    return;
#endif
    int status;
    CK_BYTE out[16];
    begin();
    const pid_t pid = fork();
    if (pid == 0)
        _exit(child_of_fork());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    OK(f->C_GenerateRandom(session, out, sizeof out));
    end();
}
END_TEST

START_TEST(random_bytes)
{
    CK_BYTE a[64] = {0}, b[64] = {0};
    begin();
    OK(f->C_GenerateRandom(session, a, sizeof a));
    OK(f->C_GenerateRandom(session, b, sizeof b));
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
    OK(f->C_GenerateRandom(session, NULL, 0));
    IS(f->C_GenerateRandom(session, NULL, 1), CKR_ARGUMENTS_BAD);
    OK(f->C_SeedRandom(session, a, 1)); /* is mixed in */
    IS(f->C_SeedRandom(session, NULL, 1), CKR_ARGUMENTS_BAD);
    OK(f->C_GenerateRandom(session, a, 50));
    OK(f->C_GenerateRandom(session, b, 50));
    ck_assert_int_ne(memcmp(a, b, 50), 0);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 module");
    TCase *c = tcase_create("module");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, lists);
    tcase_add_test(c, not_initialised);
    tcase_add_test(c, initialise_arguments);
    tcase_add_test(c, initialising_at_once);
    tcase_add_test(c, configuration);
    tcase_add_test(c, luna_numbers);
    tcase_add_test(c, information);
    tcase_add_test(c, no_event);
    tcase_add_test(c, sessions);
    tcase_add_test(c, pins);
    tcase_add_test(c, login_by_name);
    tcase_add_test(c, init_token_again);
    tcase_add_test(c, threads);
    tcase_add_test(c, looking_at_once);
    tcase_add_test(c, making_and_looking);
    tcase_add_test(c, using_at_once);
    tcase_add_test(c, finalise_under_load);
    tcase_add_test(c, shared_session);
    tcase_add_test(c, forks);
    tcase_add_test(c, random_bytes);
    suite_add_tcase(s, c);
    return suite_run(s);
}
