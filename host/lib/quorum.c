/* Several administrators for what cannot be undone: how many, and their approvals. */
#include "host/lib/lib.h"

#include <string.h>

#include <openssl/evp.h>

enum hufu_status hufu_quorum_set(struct hufu_session *session, unsigned needed)
{
    struct call c;
    const struct quorum_set_req req = {(uint8_t)needed};
    struct quorum_set_rsp m;
    if (needed < 1 || needed > HUFU_QUORUM_MAX)
        return fail_with(HUFU_E_ARGUMENT, "%u administrators: 1 to %d", needed,
                         (int)HUFU_QUORUM_MAX);
    CALL(&c, session, quorum_set, QUORUM_SET, 0, &req, &m);
    return call_end(&c);
}

void hufu_approving(struct hufu_session *session, int on)
{
    session->approving = on != 0;
}

enum hufu_status hufu_approvals(struct hufu_session *session, struct hufu_approvals *out)
{
    struct call c;
    const struct approvals_req req = {0};
    struct approvals_rsp m;
    struct rd r = {0};
    memset(out, 0, sizeof *out);
    if (!CALL(&c, session, approvals, APPROVALS, 0, &req, &m)) {
        out->needed = m.needed;
        out->administrators = m.administrators;
        rd_init(&r, m.entries.data, m.entries.size);
    }
    while (!c.status && rd_left(&r)) {
        struct approval_entry e;
        if (call_check(&c, out->count < HUFU_ACCOUNTS_MAX && approval_entry_get(&r, &e)))
            break;
        struct hufu_approval *a = &out->approval[out->count++];
        *a = (struct hufu_approval){e.account, e.command, {0}, e.left};
        memcpy(a->hash, e.hash, sizeof a->hash);
    }
    return call_end(&c);
}

/* What the device will compute of the command when it comes. */
static bool hash_of(uint8_t ins, const struct wr *request, uint8_t hash[32])
{
    const size_t n = proto_approved_size(ins, request->base, wr_size(request));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool done = ctx && EVP_DigestInit_ex(ctx, EVP_sm3(), NULL) == 1 &&
                      EVP_DigestUpdate(ctx, &ins, 1) == 1 &&
                      EVP_DigestUpdate(ctx, request->base, n) == 1 &&
                      EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return done;
}

static enum hufu_status approve(struct hufu_session *session, uint8_t ins, const uint8_t hash[32])
{
    struct call c;
    const struct approve_req req = {ins, hash};
    struct approve_rsp m;
    session->approving = false;
    if (!CALL(&c, session, approve, APPROVE, 0, &req, &m))
        c.status = fail_with(HUFU_E_APPROVED, "%s at %s: approved, not carried out: %u of %u",
                             proto_command(ins)->name, session->device->url, m.given, m.needed);
    session->approving = true;
    return call_end(&c);
}

bool call_approve(struct call *c)
{
    const uint8_t ins = c->r->ins;
    const struct command_info *info = proto_command(ins);
    uint8_t hash[32];
    if (info->audit == AUDIT_NEVER)
        return true;
    if (!(info->roles & (COMMAND_QUORUM | COMMAND_QUORUM_ADMINS)))
        c->status = fail_with(HUFU_E_ARGUMENT, "%s at %s: it takes no approvals", info->name,
                              c->session->device->url);
    else if (c->out.bad)
        c->status = fail_with(HUFU_E_ARGUMENT, "%s at %s: an argument is missing or too long",
                              info->name, c->session->device->url);
    else if (!hash_of(ins, &c->out, hash))
        c->status = fail_with(HUFU_E_CRYPTO, "%s: SM3 failed", info->name);
    else
        c->status = approve(c->session, ins, hash);
    request_recycle(c->r);
    c->r = NULL;
    return false;
}
