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

enum hufu_status hufu_agree_finish(struct hufu_session *session,
                                   const struct hufu_agreement *agreement,
                                   struct hufu_agreed *agreed)
{
    struct call c;
    const struct agree_finish_req req = {
        .flags = agreement->flags,
        .own_id = as_view(agreement->own_id, agreement->own_id ? agreement->own_id_size : 0),
        .peer_id = as_view(agreement->peer_id, agreement->peer_id ? agreement->peer_id_size : 0),
        .peer = agreement->peer,
        .peer_temporary = agreement->peer_temporary,
        .size = agreement->size,
    };
    struct agree_finish_rsp m;
    const bool out = agreement->flags & AGREE_KEY_OUT;
    memset(agreed, 0, sizeof *agreed);
    if (!CALL(&c, session, agree_finish, AGREE_FINISH, req.own_id.size + req.peer_id.size, &req,
              &m) &&
        !call_check(&c, out ? m.key.size == agreement->size : m.handle != 0 && m.key.size == 0)) {
        memcpy(agreed->confirm_own, m.confirm_own, 32);
        memcpy(agreed->confirm_peer, m.confirm_peer, 32);
        agreed->handle = m.handle;
        memcpy(agreed->key, m.key.data, m.key.size);
        agreed->key_size = m.key.size;
    }
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
