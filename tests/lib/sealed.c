#include "tests/lib/sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "firmware/base/secret.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm4.h"

static int fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    return getrandom(out, n, 0) == (ssize_t)n ? 0 : -1;
}
static const struct rng rng = {fill, NULL};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "sealed: %s\n", what);
    abort();
}

static const struct sm2_ops *ops(void)
{
    return engine_at(0)->sm2;
}

void sealed_key(uint8_t d[32], uint8_t pub[64])
{
    must(sm2_keygen(ops(), &rng, d, pub) == 0, "no key");
    PUBLIC(d, 32); /* the host's side is not what is looked at */
}

/* By the identity key, unless the device is BLANK. */
static void check_statement(struct dev *dv, const struct channel_key_rsp *m)
{
    uint8_t statement[CHANNEL_STATEMENT], signature[64], e[32];
    struct identity_rsp identity;
    must(m->statement.size == sizeof statement, "size of the statement");
    memcpy(statement, m->statement.data, sizeof statement);
    if (statement[21] & CHANNEL_BLANK) {
        must(m->signature.size == 0, "a signature of a blank device");
        return;
    }
    must(m->signature.size == sizeof signature, "size of the signature");
    memcpy(signature, m->signature.data, sizeof signature);
    MUST(do_identity(dv, 0, &(struct identity_req){0}, &identity));
    must(sm2_digest(sm2_default_id, 16, identity.public, statement, sizeof statement, e) == 0 &&
             sm2_verify(ops(), identity.public, e, signature) == 0,
         "the statement is not signed by the device");
}

uint16_t sealed_ask(struct dev *dv, struct sealed *s)
{
    struct channel_key_rsp m;
    must(fill(NULL, s->nonce, sizeof s->nonce) == 0, "no randomness");
    const uint16_t sw = do_channel_key(dv, 0, &(struct channel_key_req){s->nonce}, &m);
    if (sw != SW_OK)
        return sw;
    memcpy(s->statement, m.statement.data, sizeof s->statement);
    check_statement(dv, &m);
    must(memcmp(s->statement, "HFCS\x01", 5) == 0 && !memcmp(s->statement + 22, s->nonce, 32),
         "the statement");
    return sw;
}

/* Our side of the agreement; confirm: what the device says its S_B is. */
static void finish(struct sealed *s, const uint8_t *confirm)
{
    const uint8_t *device = s->statement + CHANNEL_STATEMENT - 64;
    uint8_t hello[CHANNEL_HELLO], z_a[32], z_b[32], theirs[32];
    channel_hello_bytes(s->flags, hello);
    must(sm2_z(hello, sizeof hello, s->host, z_a) == 0 &&
             sm2_z(s->statement, sizeof s->statement, device, z_b) == 0,
         "Z");
    const struct sm2_exchange x = {1, s->host_d, s->r_d, s->r, device, s->r_peer, z_a, z_b};
    must(sm2_exchange(&x, s->agreed, sizeof s->agreed, s->confirm, theirs) == 0, "agreement");
    must(memcmp(theirs, confirm, 32) == 0, "S_B");
    channel_keys_take(&s->keys, s->agreed);
    s->counter = 0;
}

uint16_t sealed_agree(struct dev *dv, struct sealed *s)
{
    struct channel_open_rsp m;
    uint8_t confirm[32];
    const uint16_t sw =
        do_channel_open(dv, 0, &(struct channel_open_req){s->flags, s->nonce, s->host, s->r}, &m);
    if (sw != SW_OK)
        return sw;
    s->number = m.channel;
    memcpy(s->r_peer, m.temporary, 64);
    memcpy(confirm, m.confirm, 32);
    finish(s, confirm);
    return sw;
}

uint16_t sealed_confirm(struct dev *dv, const struct sealed *s)
{
    return do_channel_confirm(dv, 0, &(struct channel_confirm_req){s->number, s->confirm}, NULL);
}

void sealed_open(struct dev *dv, struct sealed *s, const uint8_t *host_d)
{
    memset(s, 0, sizeof *s);
    sealed_key(s->r_d, s->r);
    sealed_key(s->host_d, s->host);
    if (host_d) {
        s->flags = CHANNEL_OPEN_REGISTERED;
        memcpy(s->host_d, host_d, 32);
        must(sm2_public_from_private(ops(), host_d, s->host) == 0, "the host's key");
    }
    MUST(sealed_ask(dv, s));
    MUST(sealed_agree(dv, s));
    MUST(sealed_confirm(dv, s));
}

/* ---------------------------------------------------------------- records */

static struct sm4_key direction(const struct sealed *s, enum channel_direction which)
{
    struct sm4_key key;
    sm4_set_key(&key, s->keys.key[which - 1]);
    return key;
}

size_t sealed_put(struct sealed *s, uint8_t flags, uint16_t session, uint8_t ins, const void *data,
                  size_t n, uint8_t *out)
{
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD], *text = out + CHANNEL_HEAD;
    const size_t size = (CHANNEL_INNER + n + CHANNEL_ROUND - 1) / CHANNEL_ROUND * CHANNEL_ROUND;
    const struct sm4_key key = direction(s, CHANNEL_COMMAND);
    struct wr w;
    wr_init(&w, out, CHANNEL_HEAD + size);
    wr_u8(&w, flags);
    wr_u32(&w, s->counter);
    channel_inner_put(&w, &(struct channel_inner){CLA_HUFU, ins, session, (uint32_t)n});
    wr_bytes(&w, data, n);
    wr_bytes(&w, NULL, wr_room(&w));
    channel_around(
        &s->keys, CHANNEL_COMMAND,
        &(struct channel_aad){
            .channel = s->number, .flags = flags, .counter = s->counter, .size = (uint32_t)size},
        nonce, aad);
    sm4_gcm_seal(&key, nonce, sizeof nonce, aad, sizeof aad, text, size, text, text + size);
    s->counter++;
    return CHANNEL_HEAD + size + CHANNEL_TAG;
}

uint16_t sealed_get(const struct sealed *s, uint32_t counter, uint8_t *answer, size_t *n)
{
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD];
    const struct sm4_key key = direction(s, CHANNEL_ANSWER);
    must(*n >= CHANNEL_BEHIND, "a short answer");
    *n -= CHANNEL_TAG;
    channel_around(
        &s->keys, CHANNEL_ANSWER,
        &(struct channel_aad){.channel = s->number, .counter = counter, .size = (uint32_t)*n},
        nonce, aad);
    must(sm4_gcm_open(&key, nonce, sizeof nonce, aad, sizeof aad, answer, *n, answer,
                      answer + *n) == 0,
         "a forged answer");
    *n -= 2;
    return (uint16_t)(answer[*n] << 8 | answer[*n + 1]);
}

static bool may_be_long(uint8_t ins)
{
    return ins == INS_KEY_GENERATE || ins == INS_KEY_BATCH;
}

uint16_t sealed_call(struct dev *dv, struct sealed *s, uint16_t session, uint8_t ins,
                     const void *data, size_t n)
{
    uint8_t *out = malloc(n + CHANNEL_AROUND);
    must(out != NULL, "no memory");
    const uint32_t counter = s->counter;
    const size_t size =
        sealed_put(s, may_be_long(ins) ? SEALED_LONG : 0, session, ins, data, n, out);
    struct sealed *through = dv->sealed;
    dv->sealed = NULL;
    uint16_t sw = dev_call(dv, s->number, INS_CHANNEL_SEALED, out, size);
    dv->sealed = through;
    free(out);
    if (sw == SW_OK)
        sw = sealed_get(s, counter, dv->response, &dv->response_size);
    return sw;
}

void sealed_use(struct dev *dv, struct sealed *s)
{
    dv->sealed = s;
    dv->through = s ? sealed_call : NULL;
}
