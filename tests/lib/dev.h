/*
 * A device in RAM for tests and benches: the unchanged firmware over a flash-shaped memory whose
 * power can be cut, with helpers that speak the protocol to it. Everything exits with a message
 * when it fails where it must not.
 */
#ifndef HUFU_TESTS_DEV_H
#define HUFU_TESTS_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/device.h"
#include "proto/proto.h"
#include "tests/lib/nvm_sim.h"

/* PINs of dev_init; accounts 1 (administrator), 2 (operator), 3 (user), 4 (auditor). */
#define DEV_ADMIN_PIN    "admin-pin"
#define DEV_OPERATOR_PIN "operator-pin"
#define DEV_USER_PIN     "user-pin"
#define DEV_AUDITOR_PIN  "auditor-pin"
#define DEV_UNLOCK       "unlock-secret"
enum { DEV_ADMIN = 1, DEV_OPERATOR, DEV_USER, DEV_AUDITOR, DEV_RETRIES = 5 };

struct sealed;

struct dev {
    struct hal hal;
    struct device_config config;
    struct device *d;
    void *memory;
    size_t memory_size;
    uint32_t link;
    uint8_t *request, *response; /* frame_max bytes each; the last command and answer */
    size_t response_size;
    struct nvm_sim sim; /* the medium; programming the root counts as one of its operations */
    uint32_t segments, segment_size;
    bool rng_stuck, rng_dead;
    uint64_t rng_fixed; /* not 0: the source's state, for bytes that are the same in every run */
    bool tamper;        /* the input */
    /* NULL, or the secure channel that commands go through (tests/lib/sealed.h), and how */
    struct sealed *sealed;
    uint16_t (*through)(struct dev *dv, struct sealed *s, uint16_t session, uint8_t ins,
                        const void *data, size_t n);
    uint64_t now; /* what the clock says; 1 ms later at each look */
};

/* A device that has just been switched on with a fresh medium. Between prepare and start, config,
 * hal.par and the size of the medium may be changed. */
void dev_prepare(struct dev *dv);
void dev_start(struct dev *dv);
void dev_open(struct dev *dv); /* both */
/* The same with a small medium, a short log and few objects: for trying a cut at each of its steps.
 */
void dev_small(struct dev *dv);
void dev_close(struct dev *dv);
/* Power off and on: RAM is gone, the medium stays (or what dv->sim.cut leaves of it). */
void dev_reboot(struct dev *dv);
/* INIT with the PINs above, the auditor made as account 4. flags: INIT_* */
void dev_init(struct dev *dv, uint8_t flags);

/* One command on the link of dv, whatever its bytes; the answer in dv->response. The status word.
 */
uint16_t dev_call(struct dev *dv, uint16_t channel, uint8_t ins, const void *data, size_t n);
/* The same as one of those that are served together. response: of room bytes. */
struct exchange dev_exchange(const struct dev *dv, uint16_t channel, uint8_t ins,
                             const uint8_t *data, size_t n, uint8_t *response, size_t room);

/*
 * do_NAME for every command of proto/commands.def: encodes the request, calls, decodes the answer
 * (rsp may be NULL; its views live until the next command). Exits when an answer of SW_OK cannot be
 * decoded.
 */
#define GROUP(name, text)
#define RECORD(name, fields, text)
#define COMMAND(code, name, g, st, ro, au, req_fields, rsp_fields, tx)                             \
    uint16_t do_##name(struct dev *dv, uint16_t channel, const struct name##_req *req,             \
                       struct name##_rsp *rsp);
#include "proto/commands.def"
#undef GROUP
#undef RECORD
#undef COMMAND

/* Exits with a message unless sw is wanted; gives sw. */
#define MUST_BE(wanted, sw) dev_must((uint16_t)(wanted), (sw), #sw, __FILE__, __LINE__)
#define MUST(sw)            MUST_BE(SW_OK, sw)
uint16_t dev_must(uint16_t wanted, uint16_t sw, const char *what, const char *file, int line);

struct view dev_text(const char *s);
struct info_rsp dev_info(struct dev *dv); /* of INFO, which must succeed; views as with do_NAME */
uint16_t dev_session(struct dev *dv);     /* a new session: its channel */
uint16_t dev_pin(struct dev *dv, uint16_t channel, uint8_t account, const char *pin); /* LOGIN */
uint16_t dev_login(struct dev *dv, uint8_t account); /* a new session, logged in: its channel */
uint32_t dev_key(struct dev *dv, uint16_t channel, uint8_t type, uint32_t usage); /* its handle */
/* Do these n bytes stand anywhere in the device's memory? */
bool dev_remembers(const struct dev *dv, const void *bytes, size_t n);
/* The public key of an object into out (up to LIMIT_PUBLIC_MAX); its size. */
size_t dev_public(struct dev *dv, uint16_t channel, uint32_t handle, uint8_t *out);

#endif
