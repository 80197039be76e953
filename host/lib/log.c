/* The audit log: read in parts, its checkpoints, and its end. */
#include "host/lib/lib.h"

#include <string.h>

enum { LOG_PART = 256 };

static void entry_take(struct hufu_log_entry *out, const struct log_entry *e, struct view record)
{
    *out = (struct hufu_log_entry){e->sequence, e->time, e->command, e->account, e->sw,
                                   e->object,   "",      {0},        {0},        0};
    text_get(out->detail, sizeof out->detail, e->detail);
    memcpy(out->previous, e->previous, sizeof out->previous);
    memcpy(out->record, record.data, record.size);
    out->record_size = record.size;
}

enum hufu_status hufu_log_entry_read(const void *record, size_t size, struct hufu_log_entry *out)
{
    struct log_entry e;
    struct rd r;
    rd_init(&r, record, size);
    if (size > HUFU_LOG_RECORD_MAX || !log_entry_get(&r, &e) || !rd_done(&r))
        return fail_with(HUFU_E_FORMAT, "not a record of an audit log");
    entry_take(out, &e, as_view(record, size));
    return HUFU_OK;
}

/* Adds to *after; *more when a full part came. */
static enum hufu_status log_part(struct hufu_session *session, uint64_t *after, bool *more,
                                 hufu_log_fn *each, void *context)
{
    struct call c;
    const struct log_read_req req = {*after, LOG_PART};
    struct log_read_rsp m;
    struct rd r = {0};
    *more = false;
    if (!CALL(&c, session, log_read, LOG_READ, 0, &req, &m))
        rd_init(&r, m.entries.data, m.entries.size);
    while (!c.status && rd_left(&r)) {
        struct log_entry e;
        struct hufu_log_entry out;
        const size_t before = rd_left(&r);
        const uint8_t *record = m.entries.data + (m.entries.size - before);
        if (call_check(&c, log_entry_get(&r, &e) && e.sequence > *after))
            break;
        entry_take(&out, &e, (struct view){record, before - rd_left(&r)});
        *after = e.sequence;
        *more = *after < m.last;
        if (each(context, &out))
            c.status = fail_with(HUFU_E_STOPPED, "reading the log was stopped by the caller");
    }
    return call_end(&c);
}

enum hufu_status hufu_log_read(struct hufu_session *session, uint64_t after, hufu_log_fn *each,
                               void *context)
{
    bool more;
    enum hufu_status s;
    do
        s = log_part(session, &after, &more, each, context);
    while (!s && more);
    return s;
}

enum hufu_status hufu_log_statement_read(const uint8_t statement[HUFU_LOG_STATEMENT],
                                         struct hufu_log_checkpoint *out)
{
    struct log_statement m;
    struct rd r;
    rd_init(&r, statement, HUFU_LOG_STATEMENT);
    if (!log_statement_get(&r, &m) || !rd_done(&r) || memcmp(m.magic, "HFLC", 4) != 0 ||
        m.version != 1)
        return fail_with(HUFU_E_FORMAT, "not a checkpoint of an audit log");
    memcpy(out->statement, statement, HUFU_LOG_STATEMENT);
    memcpy(out->serial, m.serial, sizeof out->serial);
    memcpy(out->hash, m.hash, sizeof out->hash);
    out->time = m.time;
    out->sequence = m.sequence;
    return HUFU_OK;
}

enum hufu_status hufu_log_checkpoint(struct hufu_session *session, struct hufu_log_checkpoint *out)
{
    struct call c;
    const struct log_checkpoint_req req = {0};
    struct log_checkpoint_rsp m;
    if (!CALL(&c, session, log_checkpoint, LOG_CHECKPOINT, 0, &req, &m)) {
        memcpy(out->signature, m.signature, sizeof out->signature);
        call_check(&c, hufu_log_statement_read(m.statement, out) == HUFU_OK);
    }
    return call_end(&c);
}

enum hufu_status hufu_log_truncate(struct hufu_session *session, uint64_t through)
{
    struct call c;
    const struct log_truncate_req req = {through};
    struct log_truncate_rsp m;
    CALL(&c, session, log_truncate, LOG_TRUNCATE, 0, &req, &m);
    return call_end(&c);
}
