/* Making keys, and moving wrapped ones. */
#include "host/lib/lib.h"

#include <string.h>

static const uint8_t wrap_magic[4] = {'H', 'F', 'W', 'K'};

enum hufu_status hufu_wrap_header_read(const uint8_t header[HUFU_WRAP_HEADER_SIZE],
                                       struct hufu_wrap_header *out)
{
    struct rd r;
    struct wrap_header h;
    rd_init(&r, header, HUFU_WRAP_HEADER_SIZE);
    if (!wrap_header_get(&r, &h) || rd_left(&r) || memcmp(h.magic, wrap_magic, sizeof wrap_magic))
        return fail_with(HUFU_E_FORMAT, "not the header of wrapped keys");
    if (h.version != 1)
        return fail_with(HUFU_E_FORMAT, "wrapped keys of version %u: this library knows version 1",
                         h.version);
    if (h.type < KEY_SM2 || h.type > KEY_HMAC)
        return fail_with(HUFU_E_FORMAT, "wrapped keys of an unknown type (%u)", h.type);
    out->type = h.type;
    out->usage = h.usage;
    memcpy(out->domain, h.domain, sizeof out->domain);
    memcpy(out->batch, h.batch, sizeof out->batch);
    out->count = h.count;
    return HUFU_OK;
}

void new_key_take(struct call *c, uint8_t type, uint32_t got, struct view public, uint32_t *handle,
                  uint8_t *public_key, size_t *public_size)
{
    if (call_check(c, got && public.size == hufu_public_size(type)))
        return;
    *handle = got;
    if (public_key && public.size)
        memcpy(public_key, public.data, public.size);
    if (public_size)
        *public_size = public.size;
}

enum hufu_status hufu_key_generate(struct hufu_session *session, const struct hufu_key_spec *spec,
                                   uint32_t *handle, uint8_t *public_key, size_t *public_size)
{
    uint8_t room[POLICY_SIZE];
    struct call c;
    const struct key_generate_req req = {
        .type = spec->type,
        .flags = spec->flags,
        .usage = spec->usage,
        .label = as_text(spec->label),
        .id = as_view(spec->id, spec->id_size),
        .size = spec->size,
        .policy = policy_put(spec->policy, room),
    };
    const size_t hint = req.label.size + spec->id_size + req.policy.size;
    struct key_generate_rsp m;
    if (!CALL(&c, session, key_generate, KEY_GENERATE, hint, &req, &m))
        new_key_take(&c, spec->type, m.handle, m.public, handle, public_key, public_size);
    return call_end(&c);
}

enum hufu_status hufu_key_export(struct hufu_session *session, uint32_t handle,
                                 struct hufu_wrapped *wrapped)
{
    struct call c;
    const struct key_export_req req = {handle};
    struct key_export_rsp m;
    struct hufu_wrap_header h;
    memset(wrapped, 0, sizeof *wrapped);
    if (!CALL(&c, session, key_export, KEY_EXPORT, 0, &req, &m) &&
        !call_check(&c, !hufu_wrap_header_read(m.header, &h) && h.count == 1 &&
                            wrapped_size_fits(h.type, m.record.size))) {
        memcpy(wrapped->header, m.header, sizeof wrapped->header);
        memcpy(wrapped->record, m.record.data, m.record.size);
        wrapped->record_size = m.record.size;
    }
    return call_end(&c);
}

enum hufu_status hufu_key_import(struct hufu_session *session, const struct hufu_wrapped *wrapped,
                                 const char *label, const void *id, size_t id_size,
                                 uint32_t *handle)
{
    struct call c;
    const struct key_import_req req = {
        .header = wrapped->header,
        .index = wrapped->index,
        .record = as_view(wrapped->record, wrapped->record_size),
        .label = as_text(label),
        .id = as_view(id, id_size),
    };
    struct key_import_rsp m;
    const size_t hint = wrapped->record_size + req.label.size + id_size;
    if (!CALL(&c, session, key_import, KEY_IMPORT, hint, &req, &m) &&
        !call_check(&c, m.handle != 0))
        *handle = m.handle;
    return call_end(&c);
}

/* ------------------------------------------------------------------ under other keys, in clear */

enum hufu_status hufu_key_wrap(struct hufu_session *session, uint32_t wrapping_key, uint8_t scheme,
                               uint8_t hash, uint32_t handle, uint8_t *wrapped,
                               size_t *wrapped_size)
{
    struct call c;
    const struct key_wrap_req req = {wrapping_key, scheme, hash, handle};
    struct key_wrap_rsp m;
    if (!CALL(&c, session, key_wrap, KEY_WRAP, 0, &req, &m) && !call_check(&c, m.wrapped.size != 0))
        c.status = give("the wrapped key", wrapped, wrapped_size, m.wrapped);
    return call_end(&c);
}

enum hufu_status hufu_key_unwrap(struct hufu_session *session, uint32_t unwrapping_key,
                                 uint8_t scheme, uint8_t hash, const void *wrapped,
                                 size_t wrapped_size, const struct hufu_key_spec *spec,
                                 uint32_t *handle, uint8_t *public_key, size_t *public_size)
{
    struct call c;
    const struct key_unwrap_req req = {.handle = unwrapping_key,
                                       .scheme = scheme,
                                       .hash = hash,
                                       .wrapped = as_view(wrapped, wrapped_size),
                                       .type = spec->type,
                                       .flags = spec->flags,
                                       .usage = spec->usage,
                                       .label = as_text(spec->label),
                                       .id = as_view(spec->id, spec->id_size)};
    struct key_unwrap_rsp m;
    const size_t hint = wrapped_size + req.label.size + spec->id_size;
    if (!CALL(&c, session, key_unwrap, KEY_UNWRAP, hint, &req, &m))
        new_key_take(&c, spec->type, m.handle, m.public, handle, public_key, public_size);
    return call_end(&c);
}

enum hufu_status hufu_key_put(struct hufu_session *session, const struct hufu_key_spec *spec,
                              const void *secret, size_t secret_size, uint32_t *handle,
                              uint8_t *public_key, size_t *public_size)
{
    struct call c;
    const struct key_put_req req = {.type = spec->type,
                                    .flags = spec->flags,
                                    .usage = spec->usage,
                                    .label = as_text(spec->label),
                                    .id = as_view(spec->id, spec->id_size),
                                    .secret = as_view(secret, secret_size)};
    struct key_put_rsp m;
    const size_t hint = secret_size + req.label.size + spec->id_size;
    if (!CALL(&c, session, key_put, KEY_PUT, hint, &req, &m))
        new_key_take(&c, spec->type, m.handle, m.public, handle, public_key, public_size);
    return call_end(&c);
}

enum hufu_status hufu_key_value(struct hufu_session *session, uint32_t handle, uint8_t *value,
                                size_t *value_size)
{
    struct call c;
    const struct key_value_req req = {handle};
    struct key_value_rsp m;
    if (!CALL(&c, session, key_value, KEY_VALUE, 0, &req, &m) &&
        !call_check(&c, m.value.size != 0)) {
        memcpy(value, m.value.data, m.value.size);
        *value_size = m.value.size;
    }
    return call_end(&c);
}
