/* The device inside: what the files of firmware/app share. */
#ifndef HUFU_APP_CORE_H
#define HUFU_APP_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/audit.h"
#include "firmware/app/auth.h"
#include "firmware/app/batch.h"
#include "firmware/app/channel.h"
#include "firmware/app/device.h"
#include "firmware/app/domain.h"
#include "firmware/app/gather.h"
#include "firmware/app/keys_ahead.h"
#include "firmware/app/nonces.h"
#include "firmware/app/object.h"
#include "firmware/app/random.h"
#include "firmware/app/session.h"
#include "firmware/app/startup.h"
#include "firmware/app/ticket.h"
#include "firmware/app/uses.h"
#include "firmware/crypto/engine.h"
#include "firmware/store/store.h"
#include "proto/proto.h"

enum { DEVICE_LABEL_MAX = 32, DEVICE_SERIAL = 16, DEVICE_NAME_MAX = 16, FAILURE_MAX = 32 };

/* Records of the store: handles of objects come first, then the log, then these. */
enum record_type {
    /* 1 to 5: objects, the type is their KEY_* */
    RECORD_LOG = 0x20,
    RECORD_DEVICE,
    RECORD_BOOTS,
    RECORD_HANDLES,
    RECORD_MASTER,
    RECORD_DOMAIN,
    RECORD_ACCOUNT,
    RECORD_TRIES,
    RECORD_ENDING,
    RECORD_IDENTITY,
    RECORD_CERTIFICATE,
    RECORD_HOST_KEY = 0x40,
    RECORD_QUORUM,
    RECORD_CUSTODY,
    RECORD_USES = 0x48
};
#define ID_LOG         0x80000000u /* + sequence mod 2^30 */
#define ID_USES        0xC0000000u /* + handle of an object below USES_HANDLES */
#define USES_HANDLES   0x30000000u
#define ID_DEVICE      0xF0000001u
#define ID_BOOTS       0xF0000002u
#define ID_HANDLES     0xF0000003u
#define ID_MASTER      0xF0000004u
#define ID_DOMAIN      0xF0000005u
#define ID_ZEROISING   0xF0000006u /* there: ZEROISE was begun and must be finished */
#define ID_TERMINATING 0xF0000007u
#define ID_IDENTITY    0xF0000008u
#define ID_CERTIFICATE 0xF0000009u
#define ID_QUORUM      0xF0000010u
#define ID_CUSTODY     0xF0000011u
#define ID_CUSTODY_NEXT 0xF0000012u
#define ID_ACCOUNT     0xF0000100u /* + account */
#define ID_TRIES       0xF0000200u /* + account */
#define ID_HOST_KEY    0xF0000300u /* + slot */

struct identity {
    uint8_t serial[DEVICE_SERIAL];
    uint8_t flags; /* INIT_* */
    uint8_t label_size, label[DEVICE_LABEL_MAX];
    uint32_t boots;
    uint64_t latest; /* the latest time that was ever seen */
};

struct device {
    struct device_config config;
    struct hal hal;
    char port[DEVICE_NAME_MAX + 1], engine_wanted[DEVICE_NAME_MAX + 1];
    const struct engine *engine; /* NULL: none has passed its tests */
    uint8_t state;               /* STATE_* */
    bool tampered; /* the tamper input has ended the keys; until the next INIT */
    bool initialised; /* the store holds a device; SYSTEM records can be read and written */
    char failure[FAILURE_MAX + 1]; /* why it is, or is about to be, FAILED; "": it is well */
    struct random random;
    struct startup startup;
    uint64_t generation; /* of the port when RAM was last known to be there once */
    struct rng rng;      /* over random */
    struct store *store;
    struct identity identity;
    uint8_t pin_key[32];
    uint8_t master[STORE_KEY];
    uint8_t domain_key[32], domain_id[DOMAIN_ID];
    struct joining joining;
    bool by_shares; /* and not by the unlock secret was it opened */
    uint8_t quorum;                                  /* administrators who must agree */
    struct account accounts[LIMIT_ACCOUNTS_MAX + 1]; /* 0: the unlock secret */
    struct sessions sessions;
    struct channels channels;
    uint32_t last_link;
    struct audit audit;
    struct objects objects;
    struct tickets tickets;
    struct batch batch;
    bool unsound; /* a self-test failed: nothing is written any more */
    bool inside; /* a command runs; what comes in its interludes is nested in it */
    void (*interlude)(void *ctx);
    void *interlude_ctx;
    struct gather gather;
    struct keys_ahead keys_ahead;
    struct uses uses;
    struct nonces nonces;
    uint8_t *record;    /* STORE_MAX_DATA bytes for one record */
    size_t record_used; /* so much of it was written: wiped after each command */
};

/* One command on its way through the device. */
struct call {
    struct device *d;
    const struct command_info *info;
    struct exchange *x;
    struct session *session; /* NULL: on channel 0 */
    /* for the audit record */
    uint8_t account;
    uint32_t object;
    uint8_t detail_size, detail[32];
    bool open;          /* a store transaction */
    bool early;         /* and it is written already, record and all */
    uint8_t tries_back; /* 1 + the account whose tries this transaction gives back; 0: none */
    /* Set by a handler whose changes in RAM must wait for the commit: called once, with the
     * verdict. */
    void (*settle)(struct call *c, bool done);
    uint32_t pending[2]; /* for settle */
};

/* The device stops being of use after this command; the first reason stays. */
void device_fail(struct device *d, const char *what, const char *why);
/* A session ends; its tickets wait for another one. */
void session_end(struct device *d, struct session *one);
struct view text_view(const char *text);
uint64_t device_time(const struct device *d);
/* The time that validity goes by: never earlier than the latest seen. 0: the clock is not set. */
uint64_t device_time_kept(struct device *d, uint64_t now);
uint64_t device_generation(const struct device *d); /* as the port counts it */
/* A record about the call in a transaction of its own. */
void call_record(struct call *c, uint8_t ins, uint16_t sw);
void call_detail(struct call *c, const void *text, size_t n);
/* The detail: 16 bytes in hexadecimal. */
void call_hex(struct call *c, const uint8_t bytes[16]);

/* A command whose only trace is its record begins to write that while it still works; should it
 * fail nevertheless, another record says so. */
uint16_t call_record_early(struct call *c);
/* A long command has let others have a turn: is it still what it was allowed to do? */
uint16_t call_again(struct call *c);

/* The transaction of a call, begun by its first change. All give a status word. */
uint16_t tx_put(struct call *c, enum store_class cls, uint8_t type, uint32_t id, const void *data,
                size_t n);
uint16_t tx_delete(struct call *c, uint32_t id);
uint16_t tx_commit(struct call *c);
/* All but the waiting for the medium: only tx_commit may follow. */
uint16_t tx_commit_start(struct call *c);
void tx_abort(struct call *c);
/* A fault of the store fails the device. */
uint16_t store_status(struct device *d, enum store_result r);
/* Read a record into d->record. */
uint16_t record_get(struct device *d, uint32_t id, size_t *n);
void record_wipe(struct device *d);

#endif
