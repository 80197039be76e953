/* What the library says, as PKCS#11 says it: the device's words by the table of all status words.
 */
#include "host/pkcs11/module.h"

CK_RV ckr_of(enum hufu_status status)
{
    switch (status) {
    case HUFU_OK:
        return CKR_OK;
    case HUFU_E_ARGUMENT:
        return CKR_ARGUMENTS_BAD;
    case HUFU_E_MEMORY:
        return CKR_HOST_MEMORY;
    case HUFU_E_URL:
    case HUFU_E_OPEN:
    case HUFU_E_PROTOCOL:
        return CKR_TOKEN_NOT_PRESENT;
    case HUFU_E_LINK:
    case HUFU_E_UNKNOWN_OUTCOME:
        return CKR_DEVICE_REMOVED;
    case HUFU_E_TIMEOUT:
    case HUFU_E_BAD_ANSWER:
        return CKR_DEVICE_ERROR;
    case HUFU_E_ROOM:
        return CKR_BUFFER_TOO_SMALL;
    default:
        break;
    }
    const CK_RV rv = hufu_codes(status).ckr;
    return rv ? rv : CKR_GENERAL_ERROR;
}
