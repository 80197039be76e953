/*
 * The way to a device: opened when first used, opened anew when it was lost. All sessions of the
 * application share one session of the device, so that a login counts for all of them; commands of
 * several threads are on their way at the same time and meet in the device's batches.
 */
#include "host/pkcs11/module.h"
#include "host/pkcs11/object.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { REST_MS = 200 }; /* a device that was not there is not asked for again before */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

CK_RV slot_begin(struct slot *slot)
{
    const CK_RV rv = lock_make(&slot->lock);
    if (rv != CKR_OK)
        return rv;
    pthread_rwlock_init(&slot->link.use, NULL);
    if (slot->relogin) { /* where it can be had: out of the swap, core dumps and children */
        mlock(slot->pin, sizeof slot->pin);
    }
    if (objects_begin(slot) == CKR_OK)
        return CKR_OK;
    slot_end(slot);
    return CKR_HOST_MEMORY;
}

static void link_close(struct link *l)
{
    if (!l->device)
        return;
    hufu_session_close(l->session);
    l->session = NULL;
    hufu_close(l->device);
    l->device = NULL;
}

void slot_end(struct slot *slot)
{
    objects_end(slot);
    link_close(&slot->link);
    pthread_rwlock_destroy(&slot->link.use);
    lock_end(&slot->lock);
    hufu_wipe(slot->pin, sizeof slot->pin);
}

void slot_forget(struct slot *slot)
{
    hufu_wipe(slot->pin, sizeof slot->pin);
    hufu_forget(slot->link.device);
}

/* The link is new: nobody is logged in any more. With the link for ourselves. */
static void forget_login(struct slot *slot)
{
    lock_take(&slot->lock);
    slot->login = LOGIN_NONE;
    slot->fresh = false;
    lock_give(&slot->lock);
}

static bool login_again(struct slot *slot)
{
    struct link *l = &slot->link;
    return slot->relogin && slot->pin_size &&
           hufu_session_open(l->device, &l->session) == HUFU_OK &&
           hufu_login(l->session, slot->logged_in_account, slot->pin, slot->pin_size, NULL) ==
               HUFU_OK;
}

/* With the link for ourselves. */
static CK_RV link_open_now(struct slot *slot)
{
    struct link *l = &slot->link;
    const bool was_open = l->device != NULL;
    link_close(l);
    const uint64_t now = now_ms();
    if (!was_open && l->lost_at && now - l->lost_at < REST_MS)
        return CKR_TOKEN_NOT_PRESENT;
    if (hufu_open(&l->device, slot->url)) {
        l->lost_at = now;
        return CKR_TOKEN_NOT_PRESENT;
    }
    l->lost_at = 0;
    l->count++;
    __atomic_store_n(&l->lost, false, __ATOMIC_RELEASE);
    if (slot->login == LOGIN_NONE || !login_again(slot))
        forget_login(slot);
    return CKR_OK;
}

/* It works, and its secure channel is not nearly used up, if the application need not know of a new
 * one. */
static bool is_open(const struct slot *slot)
{
    const struct link *l = &slot->link;
    return l->device && !__atomic_load_n(&l->lost, __ATOMIC_ACQUIRE) &&
           !(slot->relogin && hufu_channel_worn(l->device));
}

static CK_RV link_open(struct slot *slot)
{
    struct link *l = &slot->link;
    CK_RV rv = CKR_OK;
    pthread_rwlock_wrlock(&l->use);
    if (!is_open(slot))
        rv = link_open_now(slot);
    pthread_rwlock_unlock(&l->use);
    return rv;
}

/* The session in which nobody is logged in yet; a blank device gives none. */
static void session_open(struct slot *slot)
{
    struct link *l = &slot->link;
    pthread_rwlock_wrlock(&l->use);
    if (l->device && !l->session && hufu_session_open(l->device, &l->session))
        l->session = NULL;
    pthread_rwlock_unlock(&l->use);
}

CK_RV use_begin(struct use *u, struct slot *slot)
{
    struct link *l = &slot->link;
    *u = (struct use){.slot = slot, .tries = u->tries};
    for (int i = 0; i < 4; i++) {
        pthread_rwlock_rdlock(&l->use);
        const bool open = is_open(slot);
        if (open && !l->session && i == 0) {
            pthread_rwlock_unlock(&l->use);
            session_open(slot);
            continue;
        }
        if (open) {
            u->device = l->device;
            u->session = l->session ? l->session : hufu_nobody(l->device);
            u->count = l->count;
            return CKR_OK;
        }
        pthread_rwlock_unlock(&l->use);
        const CK_RV rv = link_open(slot);
        if (rv != CKR_OK)
            return rv;
    }
    return CKR_DEVICE_REMOVED;
}

CK_RV use_end(struct use *u, enum hufu_status status)
{
    struct link *l = &u->slot->link;
    if (status == HUFU_E_LINK || status == HUFU_E_UNKNOWN_OUTCOME || status == HUFU_E_BAD_ANSWER ||
        status == HUFU_E_TIMEOUT || (status == HUFU_E_NO_SESSION && l->session))
        __atomic_store_n(&l->lost, true, __ATOMIC_RELEASE);
    pthread_rwlock_unlock(&l->use);
    if (status == HUFU_E_NO_SESSION)
        return CKR_USER_NOT_LOGGED_IN;
    return ckr_of(status);
}

bool use_again(struct use *u, CK_RV rv)
{
    return (rv == CKR_DEVICE_REMOVED || rv == CKR_USER_NOT_LOGGED_IN) && u->slot->relogin &&
           __atomic_load_n(&u->slot->link.lost, __ATOMIC_ACQUIRE) && u->tries++ < 2;
}

bool token_info(struct slot *slot, struct hufu_info *info)
{
    struct use u = {0};
    if (use_begin(&u, slot) != CKR_OK)
        return false;
    if (use_end(&u, hufu_info(u.device, info)) == CKR_OK)
        return true;
    /* the link was an old one: is there a new one to be had? */
    u.tries = 0;
    return use_begin(&u, slot) == CKR_OK && use_end(&u, hufu_info(u.device, info)) == CKR_OK;
}

bool token_present(struct slot *slot)
{
    struct hufu_info info;
    return token_info(slot, &info);
}
