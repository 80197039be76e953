/* C_DeriveKey. */
#include "host/pkcs11/operation.h"

#include <string.h>

static CK_RV derive(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE base,
                    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    struct operation *op;
    const CK_RV rv = operation_new(s, m, base, CKF_DERIVE, CKA_DERIVE, &op);
    (void)t, (void)n, (void)handle;
    if (rv != CKR_OK)
        return rv;
    operation_free(s, op);
    return CKR_MECHANISM_INVALID;
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t,
                  CK_ULONG n, CK_OBJECT_HANDLE *key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!m || (!t && n))
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, derive(s, m, base, t, n, key));
}
