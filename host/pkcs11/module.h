/*
 * The module as a whole: whether it is initialised, its slots, its sessions. Locks, in the order in
 * which they are taken: a session's (one operation at a time in it), a slot's (what it lists), the
 * link's.
 */
#ifndef HUFU_P11_MODULE_H
#define HUFU_P11_MODULE_H

#include "host/lib/hufu.h"
#include "host/pkcs11/v3.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object;
struct operation;

/* A mutex of the system, or of the application if it insists (CK_C_INITIALIZE_ARGS). */
struct lock {
    pthread_mutex_t os;
    void *theirs;
};
CK_RV lock_make(struct lock *l);
void lock_end(struct lock *l);
void lock_take(struct lock *l);
void lock_give(struct lock *l);

/* ------------------------------------------------------------------ slots */

enum login { LOGIN_NONE, LOGIN_USER, LOGIN_SO };

enum { TOKEN_LABEL = 32, URL_MAX = 512, INDEX_SIZE = 16384 };

/* The way to the device. Calls share it; opening and closing it needs it alone. */
struct link {
    pthread_rwlock_t use;
    struct hufu_device *device;   /* NULL: not open */
    struct hufu_session *session; /* NULL: not open; of all sessions of the application */
    bool lost;                    /* open it anew: noted by any user of it, atomically */
    uint64_t lost_at;             /* ms: when it could not be opened */
    unsigned count;               /* how often it was opened */
};

struct slot {
    CK_SLOT_ID id;
    char url[URL_MAX];
    uint8_t account; /* of CKU_USER; 0: the first with the role of a user */
    bool luna;       /* numbers of Luna, too */
    bool sm2_as_ec;  /* CKA_KEY_TYPE of SM2 keys */
    bool relogin;    /* after the device was away: log in again with the kept PIN */
    bool was_present;
    struct lock lock;
    struct link link;
    enum login login;
    uint8_t logged_in_account;
    unsigned sessions, rw_sessions;
    /* objects by handle, by label and by id */
    struct object **by_handle, **by_label, **by_id;
    CK_ULONG objects;
    CK_OBJECT_HANDLE next_handle, logouts;
    unsigned epoch; /* of the last scan that began */
    uint8_t seed[32]; /* of C_SeedRandom */
    bool seeded;
    struct object *first, *last; /* in order of their making */
    bool fresh;                  /* the token's are known as of this number of changes */
    uint64_t changes;
    char pin[HUFU_PIN_MAX]; /* with relogin */
    size_t pin_size;
};

/* ------------------------------------------------------------------ sessions */

enum operation_kind {
    OP_FIND,
    OP_DIGEST,
    OP_SIGN,
    OP_VERIFY,
    OP_SIGN_RECOVER,
    OP_VERIFY_RECOVER,
    OP_ENCRYPT,
    OP_DECRYPT,
    OP_MESSAGE_ENCRYPT,
    OP_MESSAGE_DECRYPT,
    OP_MESSAGE_SIGN,
    OP_MESSAGE_VERIFY,
    OP_KINDS
};

struct session {
    CK_SESSION_HANDLE handle;
    struct slot *slot;
    struct lock lock;
    unsigned refs; /* atomic: the table's and those of calls */
    bool closed;
    bool rw;
    CK_NOTIFY notify;
    void *application;
    struct operation *op[OP_KINDS];
};

/* ------------------------------------------------------------------ the life of a call */

struct module {
    struct slot *slots;
    CK_ULONG slot_count;
    CK_C_INITIALIZE_ARGS args;
    bool their_locks;
};
extern struct module module;

/*
 * Every function of the interface begins with one of these and ends with its opposite. They fail
 * with CKR_CRYPTOKI_NOT_INITIALIZED, also while C_Finalize waits for the calls that are inside.
 */
CK_RV enter(void);
CK_RV leave(CK_RV rv);
CK_RV enter_slot(CK_SLOT_ID id, struct slot **slot);
/* With the session's lock held. */
CK_RV enter_session(CK_SESSION_HANDLE handle, struct session **session);
CK_RV leave_session(struct session *session, CK_RV rv);
/* Wait ms, or until C_Finalize is called: then CKR_CRYPTOKI_NOT_INITIALIZED. */
CK_RV module_wait(unsigned ms);

/* In a child: what it inherits is not freed, but kept in sight, for so many generations. */
enum { GENERATIONS = 8 };
void sessions_forget(unsigned generation);
CK_RV sessions_begin(void);
void sessions_end(void);
/* Closes the sessions of a slot, NULL: all. */
void sessions_close(struct slot *slot);
CK_STATE session_state(const struct session *s);
/* With the slot's lock held. */
bool sees_private(const struct slot *slot);

/* ------------------------------------------------------------------ configuration, tokens */

CK_RV config_read(void);
CK_RV slot_begin(struct slot *slot);
void slot_end(struct slot *slot);
/* In a child: the parent goes on with its link; ours is let go. */
void slot_forget(struct slot *slot);

/*
 * A use of the device. use_begin opens the link if it must; use_end gives it back and says in CKR
 * what came of the call. A call that changes nothing may be tried again if use_again says so.
 */
struct use {
    struct slot *slot;
    struct hufu_device *device;
    struct hufu_session *session; /* hufu_nobody while nobody is logged in */
    unsigned count;
    int tries;
};
CK_RV use_begin(struct use *u, struct slot *slot);
CK_RV use_end(struct use *u, enum hufu_status status);
bool use_again(struct use *u, CK_RV rv);

CK_RV token_login(struct slot *slot, CK_USER_TYPE type, uint8_t account, const CK_UTF8CHAR *pin,
                  CK_ULONG pin_size);
/* CKU_CONTEXT_SPECIFIC: is this the PIN of who is logged in? */
CK_RV token_check_pin(struct slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_size);
void token_logout(struct slot *slot);
/* The number of an account by its name. */
CK_RV token_account(struct slot *slot, const CK_UTF8CHAR *name, CK_ULONG size, uint8_t *account);
bool token_present(struct slot *slot);
bool token_info(struct slot *slot, struct hufu_info *info); /* false: it is not present */

CK_RV ckr_of(enum hufu_status status);

#endif
