#include "firmware/app/domain.h"

#include "firmware/app/identity.h"
#include "firmware/app/keys.h"
#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/shamir.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

const char domain_magic[] = "HFSH", custody_magic[] = "HFUS";
enum { VERSION = 1, CHECK = 8, MAGIC = 4, STATEMENT = 85 };

/* The last field tells a share from noise, and a share that was changed. */
static void check_of(const uint8_t share[DOMAIN_SHARE], uint8_t check[32])
{
    sm3_digest(share, DOMAIN_SHARE - CHECK, check);
}

static void put_share(const struct domain_share *s, uint8_t share[DOMAIN_SHARE])
{
    static const uint8_t none[CHECK];
    struct domain_share whole = *s;
    uint8_t check[32];
    struct wr w;
    whole.check = none;
    wr_init(&w, share, DOMAIN_SHARE);
    domain_share_put(&w, &whole);
    check_of(share, check);
    memcpy(share + DOMAIN_SHARE - CHECK, check, CHECK);
    wipe(check, sizeof check);
}

uint16_t domain_split(struct device *d, const struct share_of *of, unsigned threshold,
                      struct view custodians, struct wr *out)
{
    const unsigned count = (unsigned)(custodians.size / SM2_POINT);
    uint8_t values[LIMIT_CUSTODIANS_MAX * DOMAIN_KEY], set[DOMAIN_SET], share[DOMAIN_SHARE];
    uint16_t sw = SW_OK;
    if (custodians.size % SM2_POINT || count > LIMIT_CUSTODIANS_MAX || threshold < 2 ||
        threshold > count)
        return SW_WRONG_DATA;
    if (random_fill(&d->random, set, sizeof set) ||
        shamir_split(&d->rng, of->key, DOMAIN_KEY, threshold, count, values))
        return SW_RANDOM_FAILED;
    for (unsigned i = 0; i < count && sw == SW_OK; i++) {
        const uint8_t *to = custodians.data + (size_t)i * SM2_POINT;
        uint8_t *box = wr_reserve(out, DOMAIN_BOX);
        put_share(&(struct domain_share){.magic = (const uint8_t *)of->magic,
                                         .version = VERSION,
                                         .set = set,
                                         .domain = of->name,
                                         .threshold = (uint8_t)threshold,
                                         .count = (uint8_t)count,
                                         .index = (uint8_t)(i + 1),
                                         .value = values + i * DOMAIN_KEY},
                  share);
        if (!box)
            sw = SW_RESPONSE_TOO_BIG;
        else if (sm2_encrypt(&d->rng, to, share, sizeof share, box))
            sw = SW_BAD_PUBLIC_KEY;
    }
    wipe(values, sizeof values);
    wipe(share, sizeof share);
    return sw;
}

void domain_forget(struct device *d)
{
    wipe(&d->joining, sizeof d->joining);
}

/* The key is stated by the device, so that nobody else can put theirs in its place. */
uint16_t domain_begin(struct device *d, const char *magic, struct wr *out)
{
    struct joining *j = &d->joining;
    uint8_t statement[STATEMENT], signature[SM2_SIGNATURE];
    struct wr w;
    domain_forget(d);
    if (sm2_keygen(d->engine->sm2, &d->rng, j->d, j->pub))
        return SW_KEY_GENERATION_FAILED;
    wr_init(&w, statement, sizeof statement);
    join_statement_put(&w, &(struct join_statement){.magic = (const uint8_t *)"HFJN",
                                                    .version = 1,
                                                    .serial = d->identity.serial,
                                                    .public = j->pub});
    const uint16_t sw = identity_state(d, statement, sizeof statement, signature);
    if (sw == SW_OK) {
        j->magic = magic;
        domain_begin_rsp_put(out, &(struct domain_begin_rsp){statement, signature});
    } else {
        domain_forget(d);
    }
    return sw;
}

/* Fits the shares that were given before, or is the first. */
static bool fits(const struct joining *j, const struct domain_share *s)
{
    if (memcmp(s->magic, j->magic, MAGIC) != 0 || s->version != VERSION || s->threshold < 2 ||
        s->threshold > s->count || s->count > LIMIT_CUSTODIANS_MAX || s->index < 1 ||
        s->index > s->count)
        return false;
    for (unsigned i = 0; i < j->given; i++)
        if (j->x[i] == s->index)
            return false;
    return !j->given || (s->threshold == j->threshold && !memcmp(s->set, j->set, DOMAIN_SET) &&
                         !memcmp(s->domain, j->domain, DOMAIN_ID));
}

static uint16_t take(struct joining *j, const uint8_t share[DOMAIN_SHARE])
{
    struct domain_share s;
    uint8_t check[32];
    struct rd r;
    check_of(share, check);
    uint32_t whole = ct_mem_eq(check, share + DOMAIN_SHARE - CHECK, CHECK);
    PUBLIC(&whole, sizeof whole);
    PUBLIC(share, DOMAIN_SHARE); /* but its value is not, see below */
    rd_init(&r, share, DOMAIN_SHARE);
    if (!whole || !domain_share_get(&r, &s) || !rd_done(&r) || !fits(j, &s))
        return SW_SHARE_WRONG;
    if (j->given == j->threshold && j->given)
        return SW_STEP; /* there are enough */
    memcpy(j->set, s.set, DOMAIN_SET);
    memcpy(j->domain, s.domain, DOMAIN_ID);
    j->threshold = s.threshold;
    j->x[j->given] = s.index;
    memcpy(j->value[j->given], s.value, DOMAIN_KEY);
    SECRET(j->value[j->given], DOMAIN_KEY);
    j->given++;
    return SW_OK;
}

uint16_t domain_give(struct call *c, const char *magic, const uint8_t box[DOMAIN_BOX],
                     struct wr *out)
{
    struct joining *j = &c->d->joining;
    uint8_t share[DOMAIN_SHARE];
    uint16_t sw = SW_SHARE_WRONG;
    if (j->magic != magic)
        return SW_STEP;
    if (sm2_decrypt(j->d, box, DOMAIN_BOX, share) == 0)
        sw = take(j, share);
    wipe(share, sizeof share);
    c->object = j->given;
    if (sw == SW_OK)
        domain_give_rsp_put(out, &(struct domain_give_rsp){j->given, j->threshold});
    return sw;
}

uint16_t domain_combine(struct device *d, const char *magic)
{
    struct joining *j = &d->joining;
    if (j->magic != magic || !j->given || j->given < j->threshold)
        return SW_STEP;
    return shamir_join(j->x, j->value[0], DOMAIN_KEY, j->threshold, j->result) ? SW_SHARE_WRONG
                                                                               : SW_OK;
}

static void joined(struct call *c, bool done)
{
    if (done)
        keys_use_domain(c->d, c->d->joining.result);
    domain_forget(c->d);
}

uint16_t domain_join(struct call *c)
{
    struct joining *j = &c->d->joining;
    uint8_t id[DOMAIN_ID];
    const uint16_t sw = domain_combine(c->d, domain_magic);
    if (sw == SW_STEP)
        return sw;
    c->settle = joined; /* whatever comes of it, the shares go */
    if (sw != SW_OK)
        return sw;
    keys_domain_id(j->result, id);
    if (memcmp(id, j->domain, DOMAIN_ID) != 0)
        return SW_SHARE_WRONG;
    return keys_put_domain(c, j->result);
}
