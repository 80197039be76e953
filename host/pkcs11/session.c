/* Sessions: a table of handles, their states, logging in and out. */
#include "host/pkcs11/module.h"
#include "host/pkcs11/object.h"
#include "host/pkcs11/operation.h"

#include <stdlib.h>
#include <string.h>

/*
 * A handle is a place in the table and, above it, how often the place was used: that of a closed
 * session does not come back soon.
 */
enum { PLACE_BITS = 16, PLACES = 1 << PLACE_BITS, USES_MAX = 0x7fff };

struct table {
    struct lock lock;
    struct session **place;
    uint16_t *uses;
    unsigned size, next;
};
static struct table table;

CK_RV sessions_begin(void)
{
    memset(&table, 0, sizeof table);
    return lock_make(&table.lock);
}

void sessions_forget(unsigned generation)
{
    __attribute__((used)) static struct table inherited[GENERATIONS];
    inherited[generation % GENERATIONS] = table;
    memset(&table, 0, sizeof table);
}

void sessions_end(void)
{
    free(table.place);
    free(table.uses);
    lock_end(&table.lock);
    memset(&table, 0, sizeof table);
}

/* ------------------------------------------------------------------ the table (with its lock) */

static bool grow(void)
{
    const unsigned size = table.size ? 2 * table.size : 64;
    if (size > PLACES)
        return false;
    struct session **place = realloc(table.place, size * sizeof *place);
    if (place)
        table.place = place;
    uint16_t *uses = realloc(table.uses, size * sizeof *uses);
    if (uses)
        table.uses = uses;
    if (!place || !uses)
        return false;
    for (unsigned i = table.size; i < size; i++) {
        place[i] = NULL;
        uses[i] = 0;
    }
    table.next = table.size;
    table.size = size;
    return true;
}

static bool table_add(struct session *s)
{
    for (unsigned i = 0; i < table.size; i++) {
        const unsigned at = (table.next + i) % table.size;
        if (table.place[at])
            continue;
        table.place[at] = s;
        table.next = at + 1;
        table.uses[at] = (uint16_t)(table.uses[at] % USES_MAX + 1);
        s->handle = (CK_SESSION_HANDLE)table.uses[at] << PLACE_BITS | at;
        return true;
    }
    return grow() && table_add(s);
}

static struct session *table_find(CK_SESSION_HANDLE handle)
{
    const CK_ULONG at = handle & (PLACES - 1);
    struct session *s = at < table.size ? table.place[at] : NULL;
    return s && s->handle == handle ? s : NULL;
}

static void session_release(struct session *s)
{
    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (int i = 0; i < OP_KINDS; i++)
        operation_end(s, (enum operation_kind)i);
    lock_end(&s->lock);
    free(s);
}

CK_RV enter_session(CK_SESSION_HANDLE handle, struct session **session)
{
    const CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    lock_take(&table.lock);
    struct session *s = table_find(handle);
    if (s)
        __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    lock_give(&table.lock);
    if (!s)
        return leave(CKR_SESSION_HANDLE_INVALID);
    lock_take(&s->lock);
    if (s->closed)
        return leave_session(s, CKR_SESSION_CLOSED);
    *session = s;
    return CKR_OK;
}

CK_RV leave_session(struct session *session, CK_RV rv)
{
    lock_give(&session->lock);
    session_release(session);
    return leave(rv);
}

/* ------------------------------------------------------------------ opening, closing */

CK_RV C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                    CK_SESSION_HANDLE *handle)
{
    struct slot *slot;
    struct hufu_info info;
    CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    if (!handle)
        return leave(CKR_ARGUMENTS_BAD);
    if (!(flags & CKF_SERIAL_SESSION))
        return leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    if (!token_info(slot, &info))
        return leave(CKR_TOKEN_NOT_PRESENT);
    if (info.state == HUFU_STATE_BLANK)
        return leave(CKR_TOKEN_NOT_RECOGNIZED);
    struct session *s = calloc(1, sizeof *s);
    if (!s || lock_make(&s->lock) != CKR_OK) {
        free(s);
        return leave(CKR_HOST_MEMORY);
    }
    s->slot = slot;
    s->refs = 1;
    s->rw = (flags & CKF_RW_SESSION) != 0;
    s->application = application;
    s->notify = notify;
    lock_take(&table.lock);
    lock_take(&slot->lock);
    if (!s->rw && slot->login == LOGIN_SO)
        rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
    else if (!table_add(s))
        rv = CKR_SESSION_COUNT;
    if (rv == CKR_OK) {
        slot->sessions++;
        slot->rw_sessions += s->rw;
        *handle = s->handle;
    }
    lock_give(&slot->lock);
    lock_give(&table.lock);
    if (rv != CKR_OK)
        session_release(s);
    return leave(rv);
}

/* Out of the table; then whatever call is still in it has ended, it is gone. */
static void session_remove(struct session *s)
{
    struct slot *slot = s->slot;
    lock_take(&table.lock);
    const bool mine = table_find(s->handle) == s;
    bool last = false;
    if (mine) {
        table.place[s->handle & (PLACES - 1)] = NULL;
        lock_take(&slot->lock);
        slot->rw_sessions -= s->rw;
        last = --slot->sessions == 0;
        lock_give(&slot->lock);
    }
    lock_give(&table.lock);
    if (!mine)
        return;
    objects_of_session_end(slot, s->handle);
    if (last)
        token_logout(slot);
    session_release(s);
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    s->closed = true;
    session_remove(s);
    return leave_session(s, CKR_OK);
}

void sessions_close(struct slot *slot)
{
    for (unsigned i = 0;; i++) {
        lock_take(&table.lock);
        const bool more = i < table.size;
        struct session *s = more ? table.place[i] : NULL;
        if (s && slot && s->slot != slot)
            s = NULL;
        if (s)
            __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
        lock_give(&table.lock);
        if (!more)
            return;
        if (!s)
            continue;
        lock_take(&s->lock);
        s->closed = true;
        session_remove(s);
        lock_give(&s->lock);
        session_release(s);
    }
}

CK_RV C_CloseAllSessions(CK_SLOT_ID id)
{
    struct slot *slot;
    const CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    sessions_close(slot);
    return leave(CKR_OK);
}

/* ------------------------------------------------------------------ states */

bool sees_private(const struct slot *slot)
{
    return slot->login == LOGIN_USER;
}

CK_STATE session_state(const struct session *s)
{
    lock_take(&s->slot->lock);
    const enum login login = s->slot->login;
    lock_give(&s->slot->lock);
    if (login == LOGIN_SO)
        return CKS_RW_SO_FUNCTIONS;
    if (login == LOGIN_USER)
        return s->rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
    return s->rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!info)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    info->slotID = s->slot->id;
    info->state = session_state(s);
    info->flags = CKF_SERIAL_SESSION | (s->rw ? CKF_RW_SESSION : 0);
    info->ulDeviceError = 0;
    return leave_session(s, CKR_OK);
}

/* ------------------------------------------------------------------ logging in and out */

static CK_RV may_log_in(struct slot *slot, CK_USER_TYPE type)
{
    CK_RV rv = CKR_OK;
    lock_take(&slot->lock);
    const enum login wanted = type == CKU_SO ? LOGIN_SO : LOGIN_USER;
    if (slot->login == wanted)
        rv = CKR_USER_ALREADY_LOGGED_IN;
    else if (slot->login != LOGIN_NONE)
        rv = CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    else if (type == CKU_SO && slot->rw_sessions != slot->sessions)
        rv = CKR_SESSION_READ_ONLY_EXISTS;
    lock_give(&slot->lock);
    return rv;
}

/* With CKA_ALWAYS_AUTHENTICATE the operation that was begun waits for this. */
static CK_RV authenticate_operation(struct session *s, const CK_UTF8CHAR *pin, CK_ULONG pin_size)
{
    if (!operation_wants_pin(s))
        return CKR_OPERATION_NOT_INITIALIZED;
    const CK_RV rv = token_check_pin(s->slot, pin, pin_size);
    if (rv == CKR_OK)
        operation_has_pin(s);
    return rv;
}

static CK_RV login(struct session *s, CK_USER_TYPE type, const CK_UTF8CHAR *pin, CK_ULONG pin_size,
                   const CK_UTF8CHAR *name, CK_ULONG name_size)
{
    uint8_t account = 0;
    if (type == CKU_CONTEXT_SPECIFIC)
        return authenticate_operation(s, pin, pin_size);
    if (type != CKU_SO && type != CKU_USER)
        return CKR_USER_TYPE_INVALID;
    CK_RV rv = may_log_in(s->slot, type);
    if (rv == CKR_OK && !pin)
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK && name)
        rv = token_account(s->slot, name, name_size, &account);
    return rv == CKR_OK ? token_login(s->slot, type, account, pin, pin_size) : rv;
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_size)
{
    return C_LoginUser(handle, type, pin, pin_size, NULL, 0);
}

CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_size,
                  CK_UTF8CHAR *name, CK_ULONG name_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    return leave_session(s, login(s, type, pin, pin_size, name, name_size));
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    lock_take(&s->slot->lock);
    const bool in = s->slot->login != LOGIN_NONE;
    lock_give(&s->slot->lock);
    if (!in)
        return leave_session(s, CKR_USER_NOT_LOGGED_IN);
    token_logout(s->slot);
    objects_private_end(s->slot);
    return leave_session(s, CKR_OK);
}

/* ------------------------------------------------------------------ operations of a session */

CK_RV C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
    static const struct {
        CK_FLAGS flag;
        enum operation_kind kind;
    } kinds[] = {
        {CKF_FIND_OBJECTS, OP_FIND},
        {CKF_DIGEST, OP_DIGEST},
        {CKF_SIGN, OP_SIGN},
        {CKF_VERIFY, OP_VERIFY},
        {CKF_SIGN_RECOVER, OP_SIGN_RECOVER},
        {CKF_VERIFY_RECOVER, OP_VERIFY_RECOVER},
        {CKF_ENCRYPT, OP_ENCRYPT},
        {CKF_DECRYPT, OP_DECRYPT},
        {CKF_MESSAGE_ENCRYPT, OP_MESSAGE_ENCRYPT},
        {CKF_MESSAGE_DECRYPT, OP_MESSAGE_DECRYPT},
        {CKF_MESSAGE_SIGN, OP_MESSAGE_SIGN},
        {CKF_MESSAGE_VERIFY, OP_MESSAGE_VERIFY},
    };
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (flags & kinds[i].flag)
            operation_end(s, kinds[i].kind);
    return leave_session(s, CKR_OK);
}

/* What is going on in a session is partly in the device: it cannot be taken out. */
CK_RV C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *state, CK_ULONG *size)
{
    struct session *s;
    (void)state;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!size)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    for (int i = OP_DIGEST; i < OP_KINDS; i++)
        if (s->op[i])
            return leave_session(s, CKR_STATE_UNSAVEABLE);
    return leave_session(s, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *state, CK_ULONG size,
                          CK_OBJECT_HANDLE encryption, CK_OBJECT_HANDLE authentication)
{
    struct session *s;
    (void)size, (void)encryption, (void)authentication;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    return leave_session(s, state ? CKR_SAVED_STATE_INVALID : CKR_ARGUMENTS_BAD);
}
