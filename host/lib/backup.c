/*
 * A backup of a whole device: sealed objects, and the file that holds them with the accounts and
 * the audit log. docs/backup.md describes the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "host/lib/lib.h"

enum { VERSION = 1, SUM = 32, CHUNK_HEAD = 5, HEAD_ROOM = 256 };
static const uint8_t magic[8] = "HUFUBACK";

enum hufu_status hufu_object_seal(struct hufu_session *session, uint32_t handle, void *out,
                                  size_t *size)
{
    struct call c;
    const struct backup_object_req req = {handle};
    struct backup_object_rsp m;
    if (!CALL(&c, session, backup_object, BACKUP_OBJECT, 0, &req, &m))
        c.status = give("backup_object", out, size, m.sealed);
    return call_end(&c);
}

enum hufu_status hufu_object_unseal(struct hufu_session *session, uint8_t owner, const void *sealed,
                                    size_t size, uint32_t *handle, int *there)
{
    struct call c;
    const struct restore_object_req req = {owner, as_view(sealed, size)};
    struct restore_object_rsp m;
    if (!CALL(&c, session, restore_object, RESTORE_OBJECT, size, &req, &m)) {
        *handle = m.handle;
        *there = m.there;
    }
    return call_end(&c);
}

enum hufu_status hufu_restore_log(struct hufu_session *session,
                                  const struct hufu_log_checkpoint *last, const uint8_t key[64])
{
    struct call c;
    const struct restore_log_req req = {key, last->statement, last->signature};
    struct restore_log_rsp m;
    CALL(&c, session, restore_log, RESTORE_LOG, 0, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_sealed_read(const void *sealed, size_t size, struct hufu_sealed *out)
{
    struct backup_header h;
    struct rd r;
    rd_init(&r, sealed, size);
    if (!backup_header_get(&r, &h) || memcmp(h.magic, "HFBO", 4) != 0)
        return fail_with(HUFU_E_FORMAT, "not an object of a backup");
    *out = (struct hufu_sealed){.handle = h.handle, .type = h.type};
    memcpy(out->serial, h.serial, sizeof out->serial);
    memcpy(out->domain, h.domain, sizeof out->domain);
    text_get(out->owner, sizeof out->owner, h.owner);
    return HUFU_OK;
}

/* ------------------------------------------------------------------ writing the file */

static enum hufu_status add(struct hufu_backup *b, const void *data, size_t size)
{
    if (size > b->room - b->size) {
        const size_t room = 2 * b->room + size + 65536;
        uint8_t *more = realloc(b->data, room);
        if (!more)
            return fail_with(HUFU_E_MEMORY, "no memory for a backup of %zu bytes", room);
        b->data = more;
        b->room = room;
    }
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    return HUFU_OK;
}

enum hufu_status hufu_backup_begin(struct hufu_backup *b, const struct hufu_backup_head *head)
{
    uint8_t bytes[HEAD_ROOM];
    struct wr w;
    *b = (struct hufu_backup){NULL, 0, 0};
    wr_init(&w, bytes, sizeof bytes);
    wr_bytes(&w, magic, sizeof magic);
    wr_u32(&w, VERSION);
    wr_bytes(&w, head->serial, sizeof head->serial);
    wr_bytes(&w, head->key, sizeof head->key);
    wr_u64(&w, head->time);
    wr_var(&w, as_text(head->version), HUFU_VERSION_MAX);
    wr_var(&w, as_text(head->label), HUFU_NAME_MAX);
    return w.bad ? fail_with(HUFU_E_ARGUMENT, "a text of the backup is too long")
                 : add(b, bytes, wr_size(&w));
}

enum hufu_status hufu_backup_add(struct hufu_backup *b, uint8_t kind, const void *data, size_t size)
{
    uint8_t front[CHUNK_HEAD];
    struct wr w;
    if (size > UINT32_MAX)
        return fail_with(HUFU_E_ARGUMENT, "%zu bytes are too many for a backup", size);
    wr_init(&w, front, sizeof front);
    wr_u8(&w, kind);
    wr_u32(&w, (uint32_t)size);
    const enum hufu_status s = add(b, front, sizeof front);
    return s ? s : add(b, data, size);
}

enum hufu_status hufu_backup_end(struct hufu_backup *b)
{
    uint8_t sum[SUM];
    if (EVP_Digest(b->data, b->size, sum, NULL, EVP_sm3(), NULL) != 1)
        return fail_with(HUFU_E_CRYPTO, "SM3 failed");
    return hufu_backup_add(b, HUFU_BACKUP_END, sum, sizeof sum);
}

void hufu_backup_free(struct hufu_backup *b)
{
    free(b->data);
    *b = (struct hufu_backup){NULL, 0, 0};
}

/* ------------------------------------------------------------------ reading it */

static enum hufu_status damaged(void)
{
    return fail_with(HUFU_E_FORMAT, "the backup is damaged or cut off: take another copy of it");
}

static bool head_get(struct rd *r, struct hufu_backup_head *head)
{
    const uint8_t *serial = rd_bytes(r, sizeof head->serial), *key = rd_bytes(r, sizeof head->key);
    head->time = rd_u64(r);
    const struct view version = rd_var(r, HUFU_VERSION_MAX), label = rd_var(r, HUFU_NAME_MAX);
    if (r->bad)
        return false;
    memcpy(head->serial, serial, sizeof head->serial);
    memcpy(head->key, key, sizeof head->key);
    text_get(head->version, sizeof head->version, version);
    text_get(head->label, sizeof head->label, label);
    return true;
}

/* Every chunk is whole, and the last one holds the sum of all before. */
static bool whole(const uint8_t *data, size_t size, size_t at)
{
    uint8_t sum[SUM];
    while (size - at >= CHUNK_HEAD) {
        struct rd r;
        rd_init(&r, data + at, size - at);
        const uint8_t kind = rd_u8(&r);
        const uint32_t n = rd_u32(&r);
        if (n > rd_left(&r))
            return false;
        if (kind == HUFU_BACKUP_END)
            return n == SUM && rd_left(&r) == SUM &&
                   EVP_Digest(data, at, sum, NULL, EVP_sm3(), NULL) == 1 &&
                   !memcmp(sum, data + at + CHUNK_HEAD, SUM);
        at += CHUNK_HEAD + n;
    }
    return false;
}

enum hufu_status hufu_backup_open(struct hufu_backup_reader *b, const void *data, size_t size,
                                  struct hufu_backup_head *head)
{
    struct rd r;
    rd_init(&r, data, size);
    const uint8_t *begin = rd_bytes(&r, sizeof magic);
    const uint32_t version = rd_u32(&r);
    if (!begin || memcmp(begin, magic, sizeof magic) != 0)
        return fail_with(HUFU_E_FORMAT, "not a backup of a device");
    if (!r.bad && version > VERSION)
        return fail_with(HUFU_E_NEWER_FORMAT,
                         "the backup has format %u, this program (%s) knows %d: update the program",
                         (unsigned)version, HUFU_VERSION, VERSION);
    if (r.bad || version != VERSION || !head_get(&r, head) ||
        !whole(data, size, size - rd_left(&r)))
        return damaged();
    *b = (struct hufu_backup_reader){data, size, size - rd_left(&r)};
    return HUFU_OK;
}

int hufu_backup_next(struct hufu_backup_reader *b, uint8_t *kind, const void **data, size_t *size)
{
    struct rd r;
    rd_init(&r, b->data + b->at, b->size - b->at);
    *kind = rd_u8(&r);
    *size = rd_u32(&r);
    *data = b->data + b->at + CHUNK_HEAD;
    if (r.bad || *kind == HUFU_BACKUP_END || *size > rd_left(&r))
        return false;
    b->at += CHUNK_HEAD + *size;
    return true;
}
