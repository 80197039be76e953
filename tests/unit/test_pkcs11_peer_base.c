/* The module's life, slots, sessions, logging in, random bytes: the same checks on two modules. */
#include "tests/unit/p11_peer.h"

enum { NO_SLOT = 88888, NO_SESSION = 99999 };

/* ------------------------------------------------------------------ C_Initialize */

static CK_RV make_lock(void **lock)
{
    *lock = malloc(sizeof(int));
    return *lock ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV end_lock(void *lock)
{
    free(lock);
    return CKR_OK;
}

static CK_RV use_lock(void *lock)
{
    (void)lock;
    return CKR_OK;
}

static void before_initialize(void)
{
    CK_ULONG n = 0;
    CK_INFO info;
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO token_info;
    CK_MECHANISM_INFO mechanism_info;
    CK_SESSION_HANDLE s;
    CK_BYTE byte[8] = {0};
    const CK_RV none = CKR_CRYPTOKI_NOT_INITIALIZED;
    is("C_Finalize before C_Initialize", f->C_Finalize(NULL), none);
    is("C_GetInfo before", f->C_GetInfo(&info), none);
    is("C_GetSlotList before", f->C_GetSlotList(CK_FALSE, NULL, &n), none);
    is("C_GetSlotInfo before", f->C_GetSlotInfo(0, &slot_info), none);
    is("C_GetTokenInfo before", f->C_GetTokenInfo(0, &token_info), none);
    is("C_GetMechanismList before", f->C_GetMechanismList(0, NULL, &n), none);
    is("C_GetMechanismInfo before", f->C_GetMechanismInfo(0, CKM_RSA_PKCS, &mechanism_info), none);
    is("C_OpenSession before", f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s), none);
    is("C_InitToken before", f->C_InitToken(0, byte, 8, byte), none);
    is("C_InitPIN before", f->C_InitPIN(1, byte, 8), none);
    is("C_SetPIN before", f->C_SetPIN(1, byte, 8, byte, 8), none);
    is("C_SeedRandom before", f->C_SeedRandom(1, byte, 8), none);
    is("C_GenerateRandom before", f->C_GenerateRandom(1, byte, 8), none);
    is("C_FindObjectsInit before", f->C_FindObjectsInit(1, NULL, 0), none);
    is("C_DestroyObject before", f->C_DestroyObject(1, 1), none);
    is("C_Logout before", f->C_Logout(1), none);
}

static void initializing(void)
{
    CK_C_INITIALIZE_ARGS args = {.pReserved = (void *)1};
    CK_INFO info;
    CK_FUNCTION_LIST *list;
    is("pReserved", f->C_Initialize(&args), CKR_ARGUMENTS_BAD);
    args = (CK_C_INITIALIZE_ARGS){.CreateMutex = make_lock};
    is("one function for locks of four", f->C_Initialize(&args), CKR_ARGUMENTS_BAD);
    args = (CK_C_INITIALIZE_ARGS){0};
    is("no locks", f->C_Initialize(&args), CKR_OK);
    is("twice", f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    is("C_Finalize with an argument", f->C_Finalize((void *)1), CKR_ARGUMENTS_BAD);
    is("C_Finalize", f->C_Finalize(NULL), CKR_OK);
    args.flags = CKF_OS_LOCKING_OK;
    is("locks of the system", f->C_Initialize(&args), CKR_OK);
    is("C_GetInfo", f->C_GetInfo(&info), CKR_OK);
    that("a version", info.cryptokiVersion.major >= 2);
    either("C_GetInfo(NULL)", f->C_GetInfo(NULL), CKR_ARGUMENTS_BAD, CKR_FUNCTION_FAILED);
    is("C_GetFunctionList", f->C_GetFunctionList(&list), CKR_OK);
    that("the same list", list == f);
    is("C_GetFunctionList(NULL)", f->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
    is("C_Finalize again", f->C_Finalize(NULL), CKR_OK);
    args = (CK_C_INITIALIZE_ARGS){make_lock, end_lock, use_lock, use_lock, 0, NULL};
    is("locks of the application", f->C_Initialize(&args), CKR_OK);
    is("C_Finalize with them", f->C_Finalize(NULL), CKR_OK);
    args.flags = CKF_OS_LOCKING_OK;
    is("either locks", f->C_Initialize(&args), CKR_OK);
    is("C_Finalize with either", f->C_Finalize(NULL), CKR_OK);
    args = (CK_C_INITIALIZE_ARGS){.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS};
    either("no threads", f->C_Initialize(&args), CKR_OK, CKR_NEED_TO_CREATE_THREADS);
}

/* A token that is blank has no sessions. */
static void blank(void)
{
    CK_SESSION_HANDLE s;
    f->C_Initialize(NULL);
    slot = peer_slot();
    is("on a blank token", f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s),
       CKR_TOKEN_NOT_RECOGNIZED);
}

static void beginning(void)
{
    before_initialize();
    initializing();
    blank();
}

/* ------------------------------------------------------------------ slots, tokens, mechanisms */

static bool padded(const CK_UTF8CHAR *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!text[i])
            return false;
    return true;
}

static void slot_lists(void)
{
    CK_SLOT_ID all[64];
    CK_ULONG n = 0, room;
    is("how many slots", f->C_GetSlotList(CK_FALSE, NULL, &n), CKR_OK);
    that("at least one", n > 0 && n <= COUNT(all));
    room = 0;
    is("no room for slots", f->C_GetSlotList(CK_FALSE, all, &room), CKR_BUFFER_TOO_SMALL);
    that("how many there are", room == n);
    room = COUNT(all);
    is("more room than slots", f->C_GetSlotList(CK_TRUE, all, &room), CKR_OK);
    that("as many as there are", room <= n && room > 0);
    is("no count", f->C_GetSlotList(CK_FALSE, all, NULL), CKR_ARGUMENTS_BAD);
}

static void slots(void)
{
    CK_SLOT_INFO info;
    CK_TOKEN_INFO token;
    CK_SLOT_ID event;
    slot_lists();
    is("C_GetSlotInfo", f->C_GetSlotInfo(slot, &info), CKR_OK);
    that("texts are padded", padded(info.slotDescription, sizeof info.slotDescription) &&
                                 padded(info.manufacturerID, sizeof info.manufacturerID));
    that("a token is there", (info.flags & CKF_TOKEN_PRESENT) != 0);
    is("C_GetSlotInfo(NULL)", f->C_GetSlotInfo(slot, NULL), CKR_ARGUMENTS_BAD);
    is("no such slot", f->C_GetSlotInfo(NO_SLOT, &info), CKR_SLOT_ID_INVALID);
    is("C_GetTokenInfo", f->C_GetTokenInfo(slot, &token), CKR_OK);
    that("texts of the token", padded(token.label, sizeof token.label) &&
                                   padded(token.model, sizeof token.model) &&
                                   padded(token.serialNumber, sizeof token.serialNumber));
    that("flags",
         (token.flags &
          (CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED)) ==
             (CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED));
    is("C_GetTokenInfo(NULL)", f->C_GetTokenInfo(slot, NULL), CKR_ARGUMENTS_BAD);
    is("token of no slot", f->C_GetTokenInfo(NO_SLOT, &token), CKR_SLOT_ID_INVALID);
    f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL);
    is("no event", f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
}

static void mechanisms(void)
{
    static const CK_MECHANISM_TYPE common[] = {CKM_RSA_PKCS_KEY_PAIR_GEN,
                                               CKM_RSA_PKCS,
                                               CKM_RSA_X_509,
                                               CKM_RSA_PKCS_OAEP,
                                               CKM_RSA_PKCS_PSS,
                                               CKM_MD5_RSA_PKCS,
                                               CKM_SHA256_RSA_PKCS,
                                               CKM_SHA512_RSA_PKCS_PSS,
                                               CKM_EC_KEY_PAIR_GEN,
                                               CKM_ECDSA,
                                               CKM_ECDH1_DERIVE,
                                               CKM_MD5,
                                               CKM_SHA_1,
                                               CKM_SHA256,
                                               CKM_SHA512,
                                               CKM_MD5_HMAC,
                                               CKM_SHA_1_HMAC,
                                               CKM_SHA256_HMAC,
                                               CKM_DES_KEY_GEN,
                                               CKM_DES2_KEY_GEN,
                                               CKM_DES3_KEY_GEN,
                                               CKM_DES3_ECB,
                                               CKM_DES3_CBC,
                                               CKM_DES3_CBC_PAD,
                                               CKM_AES_KEY_GEN,
                                               CKM_AES_ECB,
                                               CKM_AES_CBC,
                                               CKM_AES_CBC_PAD,
                                               CKM_AES_CTR,
                                               CKM_AES_GCM,
                                               CKM_AES_CMAC,
                                               CKM_AES_KEY_WRAP,
                                               CKM_AES_ECB_ENCRYPT_DATA,
                                               CKM_AES_CBC_ENCRYPT_DATA,
                                               CKM_GENERIC_SECRET_KEY_GEN,
                                               CKM_DSA_PARAMETER_GEN,
                                               CKM_DSA_KEY_PAIR_GEN,
                                               CKM_DSA,
                                               CKM_DSA_SHA1,
                                               CKM_DH_PKCS_PARAMETER_GEN,
                                               CKM_DH_PKCS_KEY_PAIR_GEN,
                                               CKM_DH_PKCS_DERIVE};
    CK_MECHANISM_TYPE all[400];
    CK_ULONG n = 0, room;
    CK_MECHANISM_INFO info;
    is("how many mechanisms", f->C_GetMechanismList(slot, NULL, &n), CKR_OK);
    room = n - 1;
    is("one too few", f->C_GetMechanismList(slot, all, &room), CKR_BUFFER_TOO_SMALL);
    that("how many are needed", room == n);
    room = COUNT(all);
    is("room enough", f->C_GetMechanismList(slot, all, &room), CKR_OK);
    that("all of them", room == n);
    bool every = true, ordered = true;
    for (CK_ULONG i = 0; i < n; i++) {
        every &= f->C_GetMechanismInfo(slot, all[i], &info) == CKR_OK;
        ordered &= info.ulMinKeySize <= info.ulMaxKeySize;
    }
    that("each has its data", every);
    that("sizes are in order", ordered);
    for (size_t i = 0; i < COUNT(common); i++) {
        char name[40];
        snprintf(name, sizeof name, "mechanism %lx", common[i]);
        is(name, f->C_GetMechanismInfo(slot, common[i], &info), CKR_OK);
    }
    is("no count", f->C_GetMechanismList(slot, all, NULL), CKR_ARGUMENTS_BAD);
    is("of no slot", f->C_GetMechanismList(NO_SLOT, NULL, &n), CKR_SLOT_ID_INVALID);
    is("no such mechanism", f->C_GetMechanismInfo(slot, CKM_VENDOR_DEFINED + 1, &info),
       CKR_MECHANISM_INVALID);
    is("nowhere to put it", f->C_GetMechanismInfo(slot, CKM_RSA_PKCS, NULL), CKR_ARGUMENTS_BAD);
}

/* ------------------------------------------------------------------ sessions */

static CK_STATE state(CK_SESSION_HANDLE s)
{
    CK_SESSION_INFO info = {0};
    return f->C_GetSessionInfo(s, &info) == CKR_OK ? info.state : 99;
}

static void sessions(void)
{
    CK_SESSION_HANDLE s;
    CK_SESSION_INFO info;
    CK_ULONG n = 0;
    is("no session in parallel", f->C_OpenSession(slot, 0, NULL, NULL, &s),
       CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    is("no handle", f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, NULL),
       CKR_ARGUMENTS_BAD);
    is("no slot", f->C_OpenSession(NO_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &s),
       CKR_SLOT_ID_INVALID);
    that("R/W user", state(session) == CKS_RW_USER_FUNCTIONS);
    const CK_SESSION_HANDLE ro = peer_session(0);
    that("R/O user", state(ro) == CKS_RO_USER_FUNCTIONS);
    is("C_GetSessionInfo(NULL)", f->C_GetSessionInfo(ro, NULL), CKR_ARGUMENTS_BAD);
    is("of no session", f->C_GetSessionInfo(NO_SESSION, &info), CKR_SESSION_HANDLE_INVALID);
    either("operation state", f->C_GetOperationState(ro, NULL, &n), CKR_OPERATION_NOT_INITIALIZED,
           CKR_FUNCTION_NOT_SUPPORTED);
    either("no state to set", f->C_SetOperationState(ro, NULL, 0, 0, 0), CKR_ARGUMENTS_BAD,
           CKR_FUNCTION_NOT_SUPPORTED);
    either("function status", f->C_GetFunctionStatus(ro), CKR_FUNCTION_NOT_PARALLEL,
           CKR_FUNCTION_NOT_SUPPORTED);
    either("cancelling a function", f->C_CancelFunction(ro), CKR_FUNCTION_NOT_PARALLEL,
           CKR_FUNCTION_NOT_SUPPORTED);
    is("closing", f->C_CloseSession(ro), CKR_OK);
    is("closing twice", f->C_CloseSession(ro), CKR_SESSION_HANDLE_INVALID);
    is("closing all of no slot", f->C_CloseAllSessions(NO_SLOT), CKR_SLOT_ID_INVALID);
    is("closing all", f->C_CloseAllSessions(slot), CKR_OK);
    is("all are closed", f->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
    session = peer_session(CKF_RW_SESSION);
    that("which logs out", state(session) == CKS_RW_PUBLIC_SESSION);
}

/* ------------------------------------------------------------------ logging in */

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE type, const char *pin)
{
    return f->C_Login(s, type, TEXT(pin), strlen(pin));
}

static void logging_in(void)
{
    is("user twice", login(session, CKU_USER, PIN), CKR_USER_ALREADY_LOGGED_IN);
    is("SO beside the user", login(session, CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    is("no operation wants a PIN", login(session, CKU_CONTEXT_SPECIFIC, PIN),
       CKR_OPERATION_NOT_INITIALIZED);
    is("C_Logout", f->C_Logout(session), CKR_OK);
    is("no such session", login(NO_SESSION, CKU_USER, PIN), CKR_SESSION_HANDLE_INVALID);
    is("no such user", login(session, 400, PIN), CKR_USER_TYPE_INVALID);
    is("wrong PIN", login(session, CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
    is("right PIN after it", login(session, CKU_USER, PIN), CKR_OK);
    f->C_Logout(session);
    const CK_SESSION_HANDLE ro = peer_session(0);
    is("SO with an R/O session", login(session, CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
    f->C_CloseSession(ro);
    is("SO", login(session, CKU_SO, SO_PIN), CKR_OK);
    that("SO's state", state(session) == CKS_RW_SO_FUNCTIONS);
    CK_SESSION_HANDLE other;
    is("R/O session with the SO", f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other),
       CKR_SESSION_READ_WRITE_SO_EXISTS);
    is("user beside the SO", login(session, CKU_USER, PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    is("SO twice", login(session, CKU_SO, SO_PIN), CKR_USER_ALREADY_LOGGED_IN);
}

static void pins(void)
{
    const CK_SESSION_HANDLE ro = peer_session(0);
    is("C_SetPIN in R/O", f->C_SetPIN(ro, TEXT(PIN), 8, TEXT("another1"), 8),
       CKR_SESSION_READ_ONLY);
    is("C_SetPIN of no session", f->C_SetPIN(NO_SESSION, TEXT(PIN), 8, TEXT("another1"), 8),
       CKR_SESSION_HANDLE_INVALID);
    is("wrong old PIN", f->C_SetPIN(session, TEXT("wrongpin"), 8, TEXT("another1"), 8),
       CKR_PIN_INCORRECT);
    is("too short a PIN", f->C_SetPIN(session, TEXT(PIN), 8, TEXT("a"), 1), CKR_PIN_LEN_RANGE);
    is("C_SetPIN", f->C_SetPIN(session, TEXT(PIN), 8, TEXT("another1"), 8), CKR_OK);
    is("the user inits no PIN", f->C_InitPIN(session, TEXT(PIN), 8), CKR_USER_NOT_LOGGED_IN);
    f->C_Logout(session);
    is("old PIN", login(session, CKU_USER, PIN), CKR_PIN_INCORRECT);
    is("new PIN", login(session, CKU_USER, "another1"), CKR_OK);
    f->C_Logout(session);
    f->C_CloseSession(ro);
    is("nobody inits a PIN", f->C_InitPIN(session, TEXT(PIN), 8), CKR_USER_NOT_LOGGED_IN);
    is("SO", login(session, CKU_SO, SO_PIN), CKR_OK);
    is("C_InitPIN(NULL)", f->C_InitPIN(session, NULL, 8), CKR_ARGUMENTS_BAD);
    is("C_InitPIN too short", f->C_InitPIN(session, TEXT("a"), 1), CKR_PIN_LEN_RANGE);
    is("C_InitPIN", f->C_InitPIN(session, TEXT(PIN), 8), CKR_OK);
    is("SO's PIN", f->C_SetPIN(session, TEXT(SO_PIN), 9, TEXT("so-other1"), 9), CKR_OK);
    f->C_Logout(session);
    is("after C_InitPIN", login(session, CKU_USER, PIN), CKR_OK);
    f->C_Logout(session);
    is("SO's new PIN", login(session, CKU_SO, "so-other1"), CKR_OK);
}

static void tokens_anew(void)
{
    CK_UTF8CHAR label[33] = "peer                            ";
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, 1}};
    is("an object on the token", f->C_CreateObject(session, t, 2, &o), CKR_OK);
    is("with open sessions", f->C_InitToken(slot, TEXT(SO_PIN), 9, label), CKR_SESSION_EXISTS);
    f->C_CloseAllSessions(slot);
    is("wrong PIN", f->C_InitToken(slot, TEXT("wrong-pin"), 9, label), CKR_PIN_INCORRECT);
    is("too short to be the PIN", f->C_InitToken(slot, TEXT("wrong"), 5, label), CKR_PIN_INCORRECT);
    is("no PIN", f->C_InitToken(slot, NULL, 9, label), CKR_ARGUMENTS_BAD);
    is("no slot", f->C_InitToken(NO_SLOT, TEXT(SO_PIN), 9, label), CKR_SLOT_ID_INVALID);
    is("C_InitToken", f->C_InitToken(slot, TEXT(SO_PIN), 9, label), CKR_OK);
    session = peer_session(CKF_RW_SESSION);
    is("no user's PIN", login(session, CKU_USER, PIN), CKR_USER_PIN_NOT_INITIALIZED);
    is("the SO's PIN", login(session, CKU_SO, SO_PIN), CKR_OK);
    is("a new PIN", f->C_InitPIN(session, TEXT(PIN), 8), CKR_OK);
    f->C_Logout(session);
    is("the user", login(session, CKU_USER, PIN), CKR_OK);
    CK_ULONG found = 1;
    f->C_FindObjectsInit(session, NULL, 0);
    f->C_FindObjects(session, &o, 1, &found);
    f->C_FindObjectsFinal(session);
    that("everything is gone", found == 0);
}

/* ------------------------------------------------------------------ random bytes */

static void random_bytes(void)
{
    CK_BYTE a[100] = {0}, b[100] = {0};
    is("C_GenerateRandom", f->C_GenerateRandom(session, a, sizeof a), CKR_OK);
    is("again", f->C_GenerateRandom(session, b, sizeof b), CKR_OK);
    that("other bytes", memcmp(a, b, sizeof a) != 0);
    is("nowhere", f->C_GenerateRandom(session, NULL, 1), CKR_ARGUMENTS_BAD);
    either("nothing", f->C_GenerateRandom(session, a, 0), CKR_OK, CKR_ARGUMENTS_BAD);
    is("no session", f->C_GenerateRandom(NO_SESSION, a, 1), CKR_SESSION_HANDLE_INVALID);
    is("C_SeedRandom", f->C_SeedRandom(session, a, 8), CKR_OK);
    is("no seed", f->C_SeedRandom(session, NULL, 8), CKR_ARGUMENTS_BAD);
    is("seed of no session", f->C_SeedRandom(NO_SESSION, a, 8), CKR_SESSION_HANDLE_INVALID);
}

START_TEST(side_by_side)
{
    static const struct peer_case cases[] = {
        {"begin", beginning, true},       {"slots", slots, false},
        {"mechanism", mechanisms, false}, {"sessions", sessions, false},
        {"login", logging_in, false},     {"pins", pins, false},
        {"anew", tokens_anew, false},     {"random", random_bytes, false}};
    ck_assert_uint_eq(peer_compare(cases, COUNT(cases)), 0);
}
END_TEST

int main(void)
{
    return peer_main("pkcs11 peer: base", side_by_side);
}
