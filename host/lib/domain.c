/* A wrap domain in several devices: shares of its key, and joining with them. */
#include "host/lib/lib.h"

#include <string.h>

enum hufu_status split_check(unsigned threshold, unsigned count)
{
    if (threshold >= 2 && threshold <= count && count <= HUFU_CUSTODIANS_MAX)
        return HUFU_OK;
    return fail_with(HUFU_E_ARGUMENT, "%u of %u shares: 2 to %d of at most %d", threshold, count,
                     (int)HUFU_CUSTODIANS_MAX, (int)HUFU_CUSTODIANS_MAX);
}

void join_take(struct call *c, const uint8_t *statement, const uint8_t *signature,
               struct hufu_join *out)
{
    memcpy(out->signature, signature, sizeof out->signature);
    call_check(c, hufu_join_read(statement, out) == HUFU_OK);
}

enum hufu_status hufu_domain_split(struct hufu_session *session, unsigned threshold,
                                   const uint8_t (*custodians)[64], unsigned count,
                                   uint8_t (*boxes)[HUFU_SHARE_BOX])
{
    struct call c;
    const struct domain_split_req req = {(uint8_t)threshold,
                                         as_view(custodians, (size_t)count * 64)};
    struct domain_split_rsp m;
    if (split_check(threshold, count))
        return HUFU_E_ARGUMENT;
    if (!CALL(&c, session, domain_split, DOMAIN_SPLIT, req.custodians.size, &req, &m) &&
        !call_check(&c, m.boxes.size == (size_t)count * HUFU_SHARE_BOX))
        memcpy(boxes, m.boxes.data, m.boxes.size);
    return call_end(&c);
}

enum hufu_status hufu_join_read(const uint8_t statement[HUFU_JOIN_STATEMENT], struct hufu_join *out)
{
    struct join_statement m;
    struct rd r;
    rd_init(&r, statement, HUFU_JOIN_STATEMENT);
    if (!join_statement_get(&r, &m) || !rd_done(&r) || memcmp(m.magic, "HFJN", 4) != 0 ||
        m.version != 1)
        return fail_with(HUFU_E_FORMAT, "not the key of a device that joins a domain");
    memcpy(out->statement, statement, HUFU_JOIN_STATEMENT);
    memcpy(out->serial, m.serial, sizeof out->serial);
    memcpy(out->public_key, m.public, sizeof out->public_key);
    return HUFU_OK;
}

enum hufu_status hufu_domain_begin(struct hufu_session *session, struct hufu_join *out)
{
    struct call c;
    const struct domain_begin_req req = {0};
    struct domain_begin_rsp m;
    if (!CALL(&c, session, domain_begin, DOMAIN_BEGIN, 0, &req, &m))
        join_take(&c, m.statement, m.signature, out);
    return call_end(&c);
}

enum hufu_status hufu_domain_give(struct hufu_session *session, const uint8_t box[HUFU_SHARE_BOX],
                                  unsigned *given, unsigned *threshold)
{
    struct call c;
    const struct domain_give_req req = {box};
    struct domain_give_rsp m;
    if (!CALL(&c, session, domain_give, DOMAIN_GIVE, 0, &req, &m)) {
        *given = m.given;
        *threshold = m.threshold;
    }
    return call_end(&c);
}

enum hufu_status hufu_domain_join(struct hufu_session *session, uint8_t domain[8])
{
    struct call c;
    const struct domain_join_req req = {0};
    struct domain_join_rsp m;
    if (!CALL(&c, session, domain_join, DOMAIN_JOIN, 0, &req, &m))
        memcpy(domain, m.domain, 8);
    return call_end(&c);
}
