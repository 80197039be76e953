/* Encryption, decryption, key agreement. */
#include "host/lib/lib.h"

#include <string.h>

enum hufu_status hufu_encrypt(struct hufu_session *session, const struct hufu_key *key,
                              const struct hufu_ciphering *ciphering, const void *data, size_t size,
                              void *out, size_t *out_size)
{
    struct call c;
    const struct encrypt_req req = {
        .handle = key->handle,
        .type = key->type,
        .public = as_view(key->public_key, key->public_size),
        .scheme = ciphering->scheme,
        .hash = ciphering->hash,
        .iv = as_view(ciphering->iv, ciphering->iv_size),
        .aad = as_view(ciphering->aad, ciphering->aad_size),
        .data = as_view(data, size),
    };
    struct encrypt_rsp m;
    const size_t hint = key->public_size + ciphering->iv_size + ciphering->aad_size + size;
    if (!CALL(&c, session, encrypt, ENCRYPT, hint, &req, &m))
        c.status = give("encrypt", out, out_size, m.data);
    return call_end(&c);
}

enum hufu_status hufu_decrypt(struct hufu_session *session, uint32_t handle,
                              const struct hufu_ciphering *ciphering, const void *data, size_t size,
                              void *out, size_t *out_size)
{
    struct call c;
    const struct decrypt_req req = {
        .handle = handle,
        .scheme = ciphering->scheme,
        .hash = ciphering->hash,
        .iv = as_view(ciphering->iv, ciphering->iv_size),
        .aad = as_view(ciphering->aad, ciphering->aad_size),
        .data = as_view(data, size),
    };
    struct decrypt_rsp m;
    const size_t hint = ciphering->iv_size + ciphering->aad_size + size;
    if (!CALL(&c, session, decrypt, DECRYPT, hint, &req, &m) &&
        !call_check(&c, m.data.size <= size)) /* no cipher of ours makes less than it takes */
        c.status = give("decrypt", out, out_size, m.data);
    return call_end(&c);
}

/* ------------------------------------------------------------------ SM2 key exchange */

enum hufu_status hufu_agree_begin(struct hufu_session *session, uint32_t handle,
                                  uint8_t temporary[64])
{
    struct call c;
    const struct agree_begin_req req = {handle};
    struct agree_begin_rsp m;
    if (!CALL(&c, session, agree_begin, AGREE_BEGIN, 0, &req, &m))
        memcpy(temporary, m.temporary, 64);
    return call_end(&c);
}

static void take_agreed(struct call *c, const struct hufu_agreement *agreement,
                        const struct agree_finish_rsp *m, struct hufu_agreed *agreed)
{
    const bool out = agreement->flags & AGREE_KEY_OUT;
    if (call_check(c, out ? m->key.size == agreement->size : m->handle != 0 && m->key.size == 0))
        return;
    memcpy(agreed->confirm_own, m->confirm_own, 32);
    memcpy(agreed->confirm_peer, m->confirm_peer, 32);
    agreed->handle = m->handle;
    memcpy(agreed->key, m->key.data, m->key.size);
    agreed->key_size = m->key.size;
}

static struct view id_view(const void *id, size_t size)
{
    return as_view(id, id ? size : 0);
}

/* What both requests have of an agreement */
#define AGREEMENT(a)                                                                               \
    .flags = (a)->flags, .own_id = id_view((a)->own_id, (a)->own_id_size),                         \
    .peer_id = id_view((a)->peer_id, (a)->peer_id_size), .peer = (a)->peer,                        \
    .peer_temporary = (a)->peer_temporary, .size = (a)->size

enum hufu_status hufu_agree_finish(struct hufu_session *session,
                                   const struct hufu_agreement *agreement,
                                   struct hufu_agreed *agreed)
{
    struct call c;
    const struct agree_finish_req req = {AGREEMENT(agreement)};
    struct agree_finish_rsp m;
    memset(agreed, 0, sizeof *agreed);
    if (!CALL(&c, session, agree_finish, AGREE_FINISH, req.own_id.size + req.peer_id.size, &req,
              &m))
        take_agreed(&c, agreement, &m, agreed);
    return call_end(&c);
}

enum hufu_status hufu_agree_keys(struct hufu_session *session, uint32_t handle, uint32_t temporary,
                                 const struct hufu_agreement *agreement, struct hufu_agreed *agreed)
{
    struct call c;
    const struct agree_keys_req req = {
        .handle = handle, .temporary = temporary, AGREEMENT(agreement)};
    struct agree_keys_rsp m;
    memset(agreed, 0, sizeof *agreed);
    if (!CALL(&c, session, agree_keys, AGREE_KEYS, req.own_id.size + req.peer_id.size, &req, &m))
        take_agreed(&c, agreement,
                    &(struct agree_finish_rsp){m.confirm_own, m.confirm_peer, m.handle, m.key},
                    agreed);
    return call_end(&c);
}

enum hufu_status hufu_derive(struct hufu_session *session, uint32_t handle,
                             const struct hufu_derivation *d, uint32_t *derived, uint8_t *key)
{
    struct call c;
    const struct derive_req req = {.handle = handle,
                                   .flags = d->flags,
                                   .peer = as_view(d->peer, d->peer_size),
                                   .hash = d->hash,
                                   .info = as_view(d->info, d->info ? d->info_size : 0),
                                   .type = d->type,
                                   .usage = d->usage,
                                   .size = d->size};
    struct derive_rsp m;
    const bool out = d->flags & DERIVE_KEY_OUT;
    if (!CALL(&c, session, derive, DERIVE, d->peer_size + req.info.size, &req, &m) &&
        !call_check(&c, out ? m.key.size == d->size && !m.handle : !m.key.size && m.handle)) {
        if (out && key)
            memcpy(key, m.key.data, m.key.size);
        else if (!out && derived)
            *derived = m.handle;
    }
    return call_end(&c);
}

enum hufu_status hufu_mac(struct hufu_session *session, uint32_t handle, uint8_t scheme,
                          uint8_t hash, const void *data, size_t size, uint8_t *mac,
                          size_t *mac_size)
{
    struct call c;
    const struct mac_req req = {handle, scheme, hash, as_view(data, size)};
    struct mac_rsp m;
    if (!CALL(&c, session, mac, MAC, size, &req, &m) && !call_check(&c, m.mac.size >= 16)) {
        memcpy(mac, m.mac.data, m.mac.size);
        *mac_size = m.mac.size;
    }
    return call_end(&c);
}
