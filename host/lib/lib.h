/* Inside libhufu: errors, requests, the way of every command. */
#ifndef HUFU_HOST_LIB_H
#define HUFU_HOST_LIB_H

#include "firmware/base/wipe.h"
#include "host/lib/channel.h"
#include "host/lib/hufu.h"
#include "host/lib/transport.h"
#include "proto/proto.h"

struct hufu_session {
    struct hufu_device *device;
    unsigned generation; /* of the device's link: a session ends with it */
    uint16_t channel;
    bool approving; /* hufu_approving */
};

struct hufu_device {
    struct transport *transport;
    struct hufu_options options;
    char *url;
    unsigned generation;
    uint32_t limit; /* bytes of data in a command or an answer, by transport, device and channel */
    uint32_t plain_limit; /* without a channel */
    struct host_channel secure;
    uint8_t serial[HUFU_SERIAL_SIZE];
    struct hufu_capabilities capabilities;
    struct hufu_session nobody;
    pthread_mutex_t lock; /* of the pool */
    struct hufu_request *pool;
    unsigned pooled;
};

/* Keep the line for hufu_last_error and give the status back. */
enum hufu_status fail_with(enum hufu_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void set_last_sw(uint16_t sw);
uint64_t now_ms(void); /* monotonic */

/* A device over a transport that is open already; takes it over, also when it fails. For tests,
 * too. */
enum hufu_status device_attach(struct hufu_device **device, const char *url,
                               struct transport *transport, const struct hufu_options *options);

/* A request with room for size bytes of data, in r->command from FRAME_HEADER + 2. */
enum hufu_status request_new(struct hufu_device *device, uint16_t channel, uint8_t ins, size_t size,
                             struct hufu_request **r);
/* Back into the pool, wiped. */
void request_recycle(struct hufu_request *r);
/* Without its device. */
void request_free(struct hufu_request *r);
void request_free_all(struct hufu_device *device);
/* Room for n bytes, the old content kept; false: no memory. */
bool buffer_grow(struct buffer *b, size_t n);

/*
 * One command: CALL encodes the request, sends it, waits, and decodes the answer, whose views live
 * until call_end. call_end is owed after every CALL, whatever came of it.
 */
struct call {
    struct hufu_session *session;
    struct hufu_request *r;
    struct wr out;
    struct rd in;
    enum hufu_status status;
};
#define CALL(c, session, name, NAME, hint, req, rsp)                                               \
    ((call_begin((c), (session), INS_##NAME, (hint)) &&                                            \
      (name##_req_put(&(c)->out, (req)), call_run(c)))                                             \
         ? call_check((c), name##_rsp_get(&(c)->in, (rsp)))                                        \
         : (c)->status)
/* hint: bytes of the fields of variable size, at least. */
bool call_begin(struct call *c, struct hufu_session *s, uint8_t ins, size_t hint);
bool call_submit(struct call *c); /* without waiting; then call_wait */
bool call_wait(struct call *c);
bool call_run(struct call *c);
/* In a session that approves (quorum.c): approves what needs a quorum, and ends the call; false. */
bool call_approve(struct call *c);
/* The answer makes sense, or HUFU_E_BAD_ANSWER. */
enum hufu_status call_check(struct call *c, bool sound);
/* What came of it. */
enum hufu_status call_end(struct call *c);

/* Limits between the two forms; room is what the view of a put looks at. false: malformed. */
enum { POLICY_SIZE = 29 };
struct view policy_put(const struct hufu_policy *p, uint8_t room[POLICY_SIZE]);
bool policy_take(struct hufu_policy *p, struct view bytes);

/* data NULL with a size: a view that no command takes. */
struct view as_view(const void *data, size_t size);
struct view as_text(const char *s); /* NULL: empty */
/* Text that came from a device: out has room for v.size + 1; what is not printable UTF-8 becomes
 * '?'. */
void text_get(char *out, size_t room, struct view v);
size_t wrapped_size_of(uint8_t type);           /* bytes of a wrapped key pair; 0: no such type */
bool wrapped_size_fits(uint8_t type, size_t n); /* of any wrapped key */
/* k of n shares: HUFU_OK, or HUFU_E_ARGUMENT. */
enum hufu_status split_check(unsigned threshold, unsigned count);
/* The key for shares that an answer states, checked as a call's. */
void join_take(struct call *c, const uint8_t *statement, const uint8_t *signature,
               struct hufu_join *out);
/* The answer about a new key, checked as a call's: its handle, and its public part, as the type has
 * it, for those of public_key and public_size that are not NULL. */
void new_key_take(struct call *c, uint8_t type, uint32_t got, struct view public, uint32_t *handle,
                  uint8_t *public_key, size_t *public_size);
/* The caller's buffer takes the bytes, or HUFU_E_ROOM. */
enum hufu_status give(const char *what, void *out, size_t *out_size, struct view v);

#endif
