/* What programs see of the secure channel, and the keys of hosts. */
#include <string.h>

#include "host/lib/lib.h"

enum hufu_status hufu_channel_info(struct hufu_device *device, struct hufu_channel_info *out)
{
    struct host_channel *c = &device->secure;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&c->lock);
    out->open = c->open && !c->dead;
    out->commands = c->counter;
    pthread_mutex_unlock(&c->lock);
    out->flags = c->flags;
    out->number = c->number;
    out->mutual = c->trust.has_host && !(c->flags & HUFU_CHANNEL_BLANK);
    out->trust = out->open ? c->how : HUFU_TRUST_NOBODY;
    return hufu_fingerprint(device, out->fingerprint);
}

enum hufu_status hufu_fingerprint(struct hufu_device *device, uint8_t fingerprint[32])
{
    uint8_t public_key[64];
    const enum hufu_status s = hufu_identity(device, public_key);
    if (!s)
        trust_fingerprint(public_key, fingerprint);
    return s;
}

enum hufu_status hufu_trust(struct hufu_device *device, const uint8_t fingerprint[32])
{
    return trust_record(device, fingerprint);
}

enum hufu_status hufu_host_key_add(struct hufu_session *session, uint8_t account,
                                   const uint8_t public_key[64], const char *label, uint8_t *slot)
{
    struct call c;
    const struct host_key_add_req req = {account, public_key, as_text(label)};
    struct host_key_add_rsp m;
    if (!CALL(&c, session, host_key_add, HOST_KEY_ADD, req.label.size, &req, &m) && slot)
        *slot = m.slot;
    return call_end(&c);
}

enum hufu_status hufu_host_key_delete(struct hufu_session *session, uint8_t slot)
{
    struct call c;
    const struct host_key_delete_req req = {slot};
    struct host_key_delete_rsp m;
    CALL(&c, session, host_key_delete, HOST_KEY_DELETE, 0, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_host_key_list(struct hufu_session *session, struct hufu_host_key *keys,
                                    size_t *count)
{
    struct call c;
    const struct host_key_list_req req = {0};
    struct host_key_list_rsp m;
    struct rd r;
    size_t n = 0;
    CALL(&c, session, host_key_list, HOST_KEY_LIST, 0, &req, &m);
    if (!c.status)
        rd_init(&r, m.entries.data, m.entries.size);
    while (!c.status && rd_left(&r)) {
        struct host_key_entry e;
        if (call_check(&c, n < HUFU_HOST_KEYS_MAX && host_key_entry_get(&r, &e)))
            break;
        if (n < *count) {
            keys[n] = (struct hufu_host_key){.slot = e.slot, .account = e.account};
            memcpy(keys[n].public_key, e.public, 64);
            text_get(keys[n].label, sizeof keys[n].label, e.label);
        }
        n++;
    }
    if (!c.status && n > *count)
        c.status =
            fail_with(HUFU_E_ROOM, "%s: there are %zu host keys, the caller has room for %zu",
                      session->device->url, n, *count);
    *count = n;
    return call_end(&c);
}
