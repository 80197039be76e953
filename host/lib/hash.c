/* Hashing in the device: at once, or in parts. */
#include "host/lib/lib.h"

static const struct hufu_key no_key;

static enum hufu_status digest_take(struct call *c, uint8_t hash, struct view v, uint8_t *digest,
                                    size_t *digest_size)
{
    static const uint8_t sizes[] = {0, 32, 20, 28, 32, 48, 64};
    const bool sound = hash ? hash < sizeof sizes && v.size == sizes[hash] : v.size >= 20;
    if (call_check(c, sound && v.size <= HUFU_DIGEST_MAX))
        return c->status;
    *digest_size = HUFU_DIGEST_MAX;
    return c->status = give("digest", digest, digest_size, v);
}

enum hufu_status hufu_digest(struct hufu_session *session, uint8_t hash, const struct hufu_key *key,
                             const void *signer_id, size_t signer_id_size, const void *data,
                             size_t size, uint8_t *digest, size_t *digest_size)
{
    struct call c;
    const struct hufu_key *k = key ? key : &no_key;
    const struct digest_req req = {
        .hash = hash,
        .handle = k->handle,
        .public = as_view(k->public_key, k->public_size),
        .id = as_view(signer_id, signer_id ? signer_id_size : 0),
        .data = as_view(data, size),
    };
    struct digest_rsp m;
    const size_t hint = k->public_size + req.id.size + size;
    if (!CALL(&c, session, digest, DIGEST, hint, &req, &m))
        digest_take(&c, hash, m.digest, digest, digest_size);
    return call_end(&c);
}

enum hufu_status hufu_hash_init(struct hufu_session *session, uint8_t hash,
                                const struct hufu_key *key, const void *signer_id,
                                size_t signer_id_size)
{
    struct call c;
    const struct hufu_key *k = key ? key : &no_key;
    const struct hash_init_req req = {
        .hash = hash,
        .handle = k->handle,
        .public = as_view(k->public_key, k->public_size),
        .id = as_view(signer_id, signer_id ? signer_id_size : 0),
    };
    struct hash_init_rsp m;
    CALL(&c, session, hash_init, HASH_INIT, k->public_size + req.id.size, &req, &m);
    return call_end(&c);
}

static enum hufu_status update_part(struct hufu_session *session, struct view part)
{
    struct call c;
    const struct hash_update_req req = {part};
    struct hash_update_rsp m;
    CALL(&c, session, hash_update, HASH_UPDATE, part.size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_hash_update(struct hufu_session *session, const void *data, size_t size)
{
    const uint8_t *p = data;
    enum hufu_status s = HUFU_OK;
    if (!session || (!data && size))
        return fail_with(HUFU_E_ARGUMENT, "hufu_hash_update: no session or no data");
    while (!s && size) {
        const size_t n = size < session->device->limit ? size : session->device->limit;
        s = update_part(session, as_view(p, n));
        p += n;
        size -= n;
    }
    return s;
}

enum hufu_status hufu_hash_final(struct hufu_session *session, uint8_t *digest, size_t *digest_size)
{
    struct call c;
    const struct hash_final_req req = {0};
    struct hash_final_rsp m;
    if (!CALL(&c, session, hash_final, HASH_FINAL, 0, &req, &m))
        digest_take(&c, 0, m.digest, digest, digest_size);
    return call_end(&c);
}
