/* Group info: INFO, CAPABILITIES, SELFTEST, RANDOM. */
#include "firmware/app/batch.h"
#include "firmware/app/core.h"
#include "firmware/app/selftest.h"
#include "firmware/app/wrap.h"
#include "handlers_gen.h"

#define BIT(x) (1u << (x))

uint16_t cmd_info(struct call *c, const struct info_req *q, struct wr *out)
{
    const struct device *d = c->d;
    (void)q;
    info_rsp_put(out, &(struct info_rsp){
                          .protocol = LIMIT_PROTOCOL,
                          .version = text_view(HUFU_VERSION),
                          .serial = d->identity.serial,
                          .label = {d->identity.label, d->identity.label_size},
                          .state = d->state,
                          .flags = d->identity.flags,
                          .time = device_time(d),
                          .frame_max = d->config.frame_max,
                          .sessions = d->sessions.open,
                          .sessions_max = d->sessions.max,
                          .objects = d->objects.count,
                          .objects_max = d->config.objects_max,
                          .boots = d->identity.boots,
                          .engine = text_view(d->engine ? d->engine->name : ""),
                          .port = text_view(d->port),
                          .failure = text_view(d->state == STATE_BLANK && d->tampered
                                                   ? "tamper: the keys are destroyed"
                                                   : d->failure),
                          .nonces = d->nonces.ready,
                          .nonces_max = d->nonces.max,
                          .pairs = (uint16_t)d->keys_ahead.ready,
                          .pairs_max = (uint16_t)d->keys_ahead.pool,
                          .groups = d->startup.groups,
                          .groups_all = d->startup.groups_all,
                      });
    return SW_OK;
}

uint16_t cmd_capabilities(struct call *c, const struct capabilities_req *q, struct wr *out)
{
    const struct device *d = c->d;
    uint32_t keys = 0;
    (void)q;
    for (uint8_t type = KEY_SM2; type <= KEY_CERTIFICATE; type++)
        keys |= key_usages(type) ? BIT(type) : 0;
    capabilities_rsp_put(
        out,
        &(struct capabilities_rsp){
            .keys = keys,
            .signs = BIT(SIGN_SM2) | BIT(SIGN_SM2_MESSAGE) | BIT(SIGN_RSA_PKCS1) |
                     BIT(SIGN_RSA_PSS) | BIT(SIGN_RSA_RAW) | (HUFU_SMALL ? 0 : BIT(SIGN_ECDSA)),
            .ciphers = BIT(CIPHER_SM2) | BIT(CIPHER_RSA_PKCS1) | BIT(CIPHER_RSA_OAEP) |
                       BIT(CIPHER_SM4_ECB) | BIT(CIPHER_SM4_CBC) | BIT(CIPHER_SM4_CFB) |
                       BIT(CIPHER_SM4_OFB) | BIT(CIPHER_SM4_CTR) | BIT(CIPHER_SM4_GCM) |
                       BIT(CIPHER_SM4_MAC) | BIT(CIPHER_RSA_RAW) |
                       (HUFU_SMALL ? 0 : 0x3Fu << CIPHER_AES_ECB),
            .hashes = BIT(DIGEST_SM3) | BIT(DIGEST_SHA1) | BIT(DIGEST_SHA224) | BIT(DIGEST_SHA256) |
                      BIT(DIGEST_SHA384) | BIT(DIGEST_SHA512),
            .batch_max = batch_keys_max(KEY_SM2, d->config.frame_max),
            .tickets = d->tickets.max,
            .accounts_max = LIMIT_ACCOUNTS_MAX,
            .retries_max = LIMIT_RETRIES_MAX,
            .pin_min = LIMIT_PIN_MIN,
            .pin_max = LIMIT_PIN_MAX,
        });
    return SW_OK;
}

uint16_t cmd_selftest(struct call *c, const struct selftest_req *q, struct wr *out)
{
    const char *first = "";
    char record[SELFTEST_NAME_MAX + 1];
    unsigned failed = 0;
    (void)q;
    unsigned n = selftest_all(c->d, &failed, &first);
    c->d->unsound = c->d->unsound || failed;
    if (!failed && c->session && c->session->role & (ROLE_OPERATOR | ROLE_ADMIN | ROLE_AUDITOR)) {
        n++;
        if (!selftest_store(c->d, record)) {
            failed = 1;
            first = record;
        }
    }
    if (failed)
        device_fail(c->d, "self-test", first);
    call_detail(c, first, text_view(first).size);
    selftest_rsp_put(out, &(struct selftest_rsp){(uint16_t)n, (uint16_t)failed, text_view(first)});
    return SW_OK;
}

uint16_t cmd_random(struct call *c, const struct random_req *q, struct wr *out)
{
    if (q->count == 0)
        return SW_WRONG_DATA;
    uint8_t *bytes = wr_reserve(out, q->count);
    if (!bytes)
        return SW_RESPONSE_TOO_BIG;
    return random_fill(&c->d->random, bytes, q->count) ? SW_RANDOM_FAILED : SW_OK;
}
