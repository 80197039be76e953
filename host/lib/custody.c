/* Attended start by custodians. Messages are those of a wrap domain (domain.c), of other commands.
 */
#include "host/lib/lib.h"

#include <string.h>

enum hufu_status hufu_custody_split(struct hufu_session *session, unsigned threshold,
                                    const uint8_t (*custodians)[64], unsigned count,
                                    uint8_t (*boxes)[HUFU_SHARE_BOX])
{
    struct call c;
    const struct custody_split_req req = {(uint8_t)threshold,
                                          as_view(custodians, (size_t)count * 64)};
    struct custody_split_rsp m;
    if (split_check(threshold, count))
        return HUFU_E_ARGUMENT;
    if (!CALL(&c, session, custody_split, CUSTODY_SPLIT, req.custodians.size, &req, &m) &&
        !call_check(&c, m.boxes.size == (size_t)count * HUFU_SHARE_BOX))
        memcpy(boxes, m.boxes.data, m.boxes.size);
    return call_end(&c);
}

enum hufu_status hufu_custody_begin(struct hufu_session *session, struct hufu_join *out)
{
    struct call c;
    const struct custody_begin_req req = {0};
    struct custody_begin_rsp m;
    if (!CALL(&c, session, custody_begin, CUSTODY_BEGIN, 0, &req, &m))
        join_take(&c, m.statement, m.signature, out);
    return call_end(&c);
}

enum hufu_status hufu_custody_give(struct hufu_session *session, const uint8_t box[HUFU_SHARE_BOX],
                                   unsigned *given, unsigned *threshold)
{
    struct call c;
    const struct custody_give_req req = {box};
    struct custody_give_rsp m;
    if (!CALL(&c, session, custody_give, CUSTODY_GIVE, 0, &req, &m)) {
        *given = m.given;
        *threshold = m.threshold;
    }
    return call_end(&c);
}

enum hufu_status hufu_custody_unlock(struct hufu_session *session)
{
    struct call c;
    const struct custody_unlock_req req = {0};
    struct custody_unlock_rsp m;
    CALL(&c, session, custody_unlock, CUSTODY_UNLOCK, 0, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_custody_only(struct hufu_session *session)
{
    struct call c;
    const struct custody_only_req req = {0};
    struct custody_only_rsp m;
    CALL(&c, session, custody_only, CUSTODY_ONLY, 0, &req, &m);
    return call_end(&c);
}
