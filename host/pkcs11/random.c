/* Random bytes of the device. */
#include "host/pkcs11/module.h"

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG n)
{
    struct session *s;
    struct use u = {0};
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!out && n)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    if (!n)
        return leave_session(s, CKR_OK);
    do {
        rv = use_begin(&u, s->slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_random(u.device, out, n));
    } while (use_again(&u, rv));
    return leave_session(s, rv);
}

/* The device takes its entropy from nobody. */
CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE *seed, CK_ULONG n)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    return leave_session(s, !seed && n ? CKR_ARGUMENTS_BAD : CKR_RANDOM_SEED_NOT_SUPPORTED);
}
