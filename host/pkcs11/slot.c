/* Slots and tokens: what there is. */
#include "host/pkcs11/module.h"
#include "host/pkcs11/object.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { EVENT_MS = 500 };

CK_RV enter_slot(CK_SLOT_ID id, struct slot **slot)
{
    const CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    if (id >= module.slot_count)
        return leave(CKR_SLOT_ID_INVALID);
    *slot = &module.slots[id];
    return CKR_OK;
}

static void pad(CK_UTF8CHAR *out, size_t size, const char *text)
{
    size_t n = strlen(text);
    if (n > size) { /* not in the middle of a character */
        n = size;
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    memset(out, ' ', size);
    memcpy(out, text, n);
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    if (!count)
        return leave(CKR_ARGUMENTS_BAD);
    CK_ULONG n = 0;
    for (CK_ULONG i = 0; i < module.slot_count; i++) {
        if (present && !token_present(&module.slots[i]))
            continue;
        if (list && n < *count)
            list[n] = i;
        n++;
    }
    if (list && n > *count)
        rv = CKR_BUFFER_TOO_SMALL;
    *count = n;
    return leave(rv);
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
    struct slot *slot = NULL;
    CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    pad(info->slotDescription, sizeof info->slotDescription, slot->url);
    pad(info->manufacturerID, sizeof info->manufacturerID, "Hufu");
    info->flags = CKF_REMOVABLE_DEVICE | (token_present(slot) ? CKF_TOKEN_PRESENT : 0);
    return leave(CKR_OK);
}

/* ------------------------------------------------------------------ C_GetTokenInfo */

struct tries {
    struct slot *slot;
    CK_FLAGS flags;
    bool so, user;
};

static CK_FLAGS flags_of(const struct hufu_account *a, CK_FLAGS low, CK_FLAGS last, CK_FLAGS locked)
{
    if (a->tries == 0)
        return locked;
    return (a->tries < a->tries_max ? low : 0) | (a->tries == 1 ? last : 0);
}

static void count_tries(struct tries *t, const struct hufu_account *a)
{
    const uint8_t account = t->slot->account;
    if (a->role == HUFU_ROLE_ADMIN && !t->so) {
        t->so = true;
        t->flags |= flags_of(a, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED);
    } else if (!t->user && (account ? a->account == account : a->role == HUFU_ROLE_USER)) {
        t->user = true;
        t->flags |=
            CKF_USER_PIN_INITIALIZED |
            flags_of(a, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED);
    }
}

static enum hufu_status take_tries(struct hufu_device *device, struct tries *t)
{
    struct hufu_account all[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    const enum hufu_status status = hufu_account_list(device, all, &n);
    for (size_t i = 0; !status && i < n; i++)
        count_tries(t, &all[i]);
    return status;
}

static void time_of(CK_TOKEN_INFO *out, uint64_t ms)
{
    char text[24];
    struct tm tm;
    const time_t t = (time_t)(ms / 1000);
    if (!ms || !gmtime_r(&t, &tm) || !strftime(text, sizeof text, "%Y%m%d%H%M%S00", &tm))
        return;
    memcpy(out->utcTime, text, sizeof out->utcTime);
    out->flags |= CKF_CLOCK_ON_TOKEN;
}

/* "0.1.0" */
static void version_of(CK_VERSION *out, const char *text)
{
    unsigned major = 0, minor = 0;
    sscanf(text, "%3u.%3u", &major, &minor);
    out->major = (CK_BYTE)major;
    out->minor = (CK_BYTE)minor;
}

static void describe(CK_TOKEN_INFO *out, struct slot *slot, const struct hufu_info *info)
{
    char serial[17] = "";
    memset(out, 0, sizeof *out);
    if (info->state != HUFU_STATE_BLANK)
        for (size_t i = 0; i < 8; i++)
            snprintf(serial + 2 * i, 3, "%02x", info->serial[i]);
    pad(out->label, sizeof out->label, info->label);
    pad(out->manufacturerID, sizeof out->manufacturerID, "Hufu");
    pad(out->model, sizeof out->model, "Hufu key device");
    pad(out->serialNumber, sizeof out->serialNumber, serial);
    out->flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS;
    if (info->state == HUFU_STATE_LOCKED || info->state == HUFU_STATE_READY)
        out->flags |= CKF_TOKEN_INITIALIZED;
    out->ulMaxSessionCount = out->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
    out->ulSessionCount = slot->sessions;
    out->ulRwSessionCount = slot->rw_sessions;
    out->ulMinPinLen = HUFU_PIN_MIN;
    out->ulMaxPinLen = HUFU_PIN_MAX;
    out->ulTotalPublicMemory = out->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    out->ulTotalPrivateMemory = out->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    version_of(&out->firmwareVersion, info->version);
    time_of(out, info->time);
}

CK_RV C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *out)
{
    struct slot *slot = NULL;
    struct hufu_info info;
    struct use u = {0};
    CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    if (!out)
        return leave(CKR_ARGUMENTS_BAD);
    if (!token_present(slot)) /* also brings a lost link back */
        return leave(CKR_TOKEN_NOT_PRESENT);
    struct tries tries = {.slot = slot};
    rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return leave(rv);
    enum hufu_status status = hufu_info(u.device, &info);
    if (!status && (info.state == HUFU_STATE_LOCKED || info.state == HUFU_STATE_READY))
        status = take_tries(u.device, &tries);
    rv = use_end(&u, status);
    if (rv == CKR_OK) {
        lock_take(&slot->lock);
        describe(out, slot, &info);
        lock_give(&slot->lock);
        out->flags |= tries.flags;
    }
    return leave(rv);
}

/* ------------------------------------------------------------------ C_WaitForSlotEvent */

static bool find_event(CK_SLOT_ID *id)
{
    for (CK_ULONG i = 0; i < module.slot_count; i++) {
        struct slot *slot = &module.slots[i];
        const bool present = token_present(slot);
        lock_take(&slot->lock);
        const bool event = present != slot->was_present;
        slot->was_present = present;
        lock_give(&slot->lock);
        if (event) {
            *id = i;
            return true;
        }
    }
    return false;
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    if (!slot || reserved)
        return leave(CKR_ARGUMENTS_BAD);
    while (!find_event(slot)) {
        if (flags & CKF_DONT_BLOCK)
            return leave(CKR_NO_EVENT);
        rv = module_wait(EVENT_MS);
        if (rv != CKR_OK)
            return leave(rv);
    }
    return leave(CKR_OK);
}
