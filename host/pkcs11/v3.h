/*
 * What PKCS#11 3.0 adds to the header of p11-kit (which is 2.40), and the numbers of mechanisms and
 * keys that no standard defines.
 */
#ifndef HUFU_P11_V3_H
#define HUFU_P11_V3_H

/* What the header declares is what the module exports. */
#pragma GCC visibility push(default)
#include <p11-kit/pkcs11.h>

#ifndef CKR_OPERATION_CANCEL_FAILED
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x201UL
#define CKR_OPERATION_CANCEL_FAILED 0x202UL
#define CKA_UNIQUE_ID               0x4UL
#define CKK_HKDF                    0x42UL
#define CKM_HKDF_DERIVE             0x402aUL
#define CKM_AES_KEY_WRAP_KWP        0x210bUL
#define CKF_MESSAGE_ENCRYPT         0x02UL
#define CKF_MESSAGE_DECRYPT         0x04UL
#define CKF_MESSAGE_SIGN            0x08UL
#define CKF_MESSAGE_VERIFY          0x10UL
#define CKF_MULTI_MESSAGE           0x20UL
#define CKF_FIND_OBJECTS            0x40UL
#define CKF_END_OF_MESSAGE          0x01UL
#define CKF_INTERFACE_FORK_SAFE     0x01UL
#define CKG_NO_GENERATE             0UL
#define CKG_GENERATE                1UL
#define CKG_GENERATE_COUNTER        2UL
#define CKG_GENERATE_RANDOM         3UL
#define CKG_GENERATE_COUNTER_XOR    4UL

typedef struct CK_INTERFACE {
    CK_UTF8CHAR *pInterfaceName;
    void *pFunctionList;
    CK_FLAGS flags;
} CK_INTERFACE;

typedef struct CK_GCM_MESSAGE_PARAMS {
    CK_BYTE *pIv;
    CK_ULONG ulIvLen;
    CK_ULONG ulIvFixedBits;
    CK_ULONG ivGenerator;
    CK_BYTE *pTag;
    CK_ULONG ulTagBits;
} CK_GCM_MESSAGE_PARAMS;

/* The functions that 3.0 adds, in the order of its list: FUNCTION(name, arguments). */
#define P11_FUNCTIONS_3_0(FUNCTION)                                                                \
    FUNCTION(C_GetInterfaceList, (CK_INTERFACE * list, CK_ULONG * n))                              \
    FUNCTION(C_GetInterface, (CK_UTF8CHAR * name, CK_VERSION * version, CK_INTERFACE * *interface, \
                              CK_FLAGS flags))                                                     \
    FUNCTION(C_LoginUser, (CK_SESSION_HANDLE session, CK_USER_TYPE type, CK_UTF8CHAR * pin,        \
                           CK_ULONG pin_size, CK_UTF8CHAR * name, CK_ULONG name_size))             \
    FUNCTION(C_SessionCancel, (CK_SESSION_HANDLE session, CK_FLAGS flags))                         \
    FUNCTION(C_MessageEncryptInit,                                                                 \
             (CK_SESSION_HANDLE session, CK_MECHANISM * m, CK_OBJECT_HANDLE key))                  \
    FUNCTION(C_EncryptMessage,                                                                     \
             (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *aad,                   \
              CK_ULONG aad_size, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size))       \
    FUNCTION(C_EncryptMessageBegin, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size,          \
                                     CK_BYTE *aad, CK_ULONG aad_size))                             \
    FUNCTION(C_EncryptMessageNext,                                                                 \
             (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in, CK_ULONG n,        \
              CK_BYTE *out, CK_ULONG *out_size, CK_FLAGS flags))                                   \
    FUNCTION(C_MessageEncryptFinal, (CK_SESSION_HANDLE session))                                   \
    FUNCTION(C_MessageDecryptInit,                                                                 \
             (CK_SESSION_HANDLE session, CK_MECHANISM * m, CK_OBJECT_HANDLE key))                  \
    FUNCTION(C_DecryptMessage,                                                                     \
             (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *aad,                   \
              CK_ULONG aad_size, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size))       \
    FUNCTION(C_DecryptMessageBegin, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size,          \
                                     CK_BYTE *aad, CK_ULONG aad_size))                             \
    FUNCTION(C_DecryptMessageNext,                                                                 \
             (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in, CK_ULONG n,        \
              CK_BYTE *out, CK_ULONG *out_size, CK_FLAGS flags))                                   \
    FUNCTION(C_MessageDecryptFinal, (CK_SESSION_HANDLE session))                                   \
    FUNCTION(C_MessageSignInit,                                                                    \
             (CK_SESSION_HANDLE session, CK_MECHANISM * m, CK_OBJECT_HANDLE key))                  \
    FUNCTION(C_SignMessage, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in,     \
                             CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size))                        \
    FUNCTION(C_SignMessageBegin, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size))            \
    FUNCTION(C_SignMessageNext, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in, \
                                 CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size))                    \
    FUNCTION(C_MessageSignFinal, (CK_SESSION_HANDLE session))                                      \
    FUNCTION(C_MessageVerifyInit,                                                                  \
             (CK_SESSION_HANDLE session, CK_MECHANISM * m, CK_OBJECT_HANDLE key))                  \
    FUNCTION(C_VerifyMessage, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in,   \
                               CK_ULONG n, CK_BYTE *signature, CK_ULONG signature_size))           \
    FUNCTION(C_VerifyMessageBegin, (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size))          \
    FUNCTION(C_VerifyMessageNext,                                                                  \
             (CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in, CK_ULONG n,        \
              CK_BYTE *signature, CK_ULONG signature_size))                                        \
    FUNCTION(C_MessageVerifyFinal, (CK_SESSION_HANDLE session))

#define P11_DECLARE(name, arguments) CK_RV name arguments;
P11_FUNCTIONS_3_0(P11_DECLARE)

#define P11_MEMBER(name, arguments) CK_RV(*name) arguments;
typedef struct CK_FUNCTION_LIST_3_0 {
    CK_FUNCTION_LIST base; /* the list of 2.40 has the same layout */
    P11_FUNCTIONS_3_0(P11_MEMBER)
} CK_FUNCTION_LIST_3_0;
#endif

#pragma GCC visibility pop

#include "host/pkcs11/hufu-pkcs11.h"

#endif
