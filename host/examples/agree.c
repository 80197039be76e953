/*
 * Two parties agree on a key (GB/T 32918.3) that neither of them ever sees: it stays in the device
 * as a session key, and what one encrypts with it the other decrypts. The device is in this
 * process.
 */
#include <stdio.h>
#include <string.h>

#include "host/lib/hufu.h"

struct party {
    struct hufu_session *session;
    uint32_t handle;
    uint8_t public_key[HUFU_PUBLIC_MAX], temporary[64];
    size_t public_size;
    struct hufu_agreed agreed;
};

static enum hufu_status begin(struct hufu_device *device, struct party *p, const char *name)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_AGREE, .label = name};
    enum hufu_status s = hufu_session_open(device, &p->session);
    if (!s)
        s = hufu_login(p->session, HUFU_ACCOUNT_USER, "user-pin", 8, NULL);
    if (!s)
        s = hufu_key_generate(p->session, &spec, &p->handle, p->public_key, &p->public_size);
    return s ? s : hufu_agree_begin(p->session, p->handle, p->temporary);
}

static enum hufu_status finish(struct party *own, const struct party *peer, uint8_t flags)
{
    const struct hufu_agreement a = {
        .flags = flags, .peer = peer->public_key, .peer_temporary = peer->temporary, .size = 16};
    return hufu_agree_finish(own->session, &a, &own->agreed);
}

/* Each would send its confirm_own to the other, who compares. */
static int confirmed(const struct party *a, const struct party *b)
{
    return !memcmp(a->agreed.confirm_own, b->agreed.confirm_peer, 32) &&
           !memcmp(b->agreed.confirm_own, a->agreed.confirm_peer, 32);
}

static enum hufu_status talk(const struct party *from, const struct party *to)
{
    static const char text[] = "only the two of us know";
    static const uint8_t iv[12] = {1};
    const struct hufu_ciphering gcm = {
        .scheme = HUFU_CIPHER_SM4_GCM, .iv = iv, .iv_size = sizeof iv};
    const struct hufu_key key = {.handle = from->agreed.handle};
    uint8_t coded[64];
    char plain[64];
    size_t coded_size = sizeof coded, size = sizeof plain;
    enum hufu_status s =
        hufu_encrypt(from->session, &key, &gcm, text, sizeof text, coded, &coded_size);
    if (!s)
        s = hufu_decrypt(to->session, to->agreed.handle, &gcm, coded, coded_size, plain, &size);
    if (!s)
        printf("%s\n", plain);
    return s;
}

int main(void)
{
    const struct hufu_init init = {
        .retries = 5, .label = "agree", .admin_pin = "admin-pin", .user_pin = "user-pin"};
    struct hufu_device *device = NULL;
    struct party alice = {.session = NULL}, bob = {.session = NULL};
    const int ok = !hufu_open(&device, "inproc:") && !hufu_device_init(device, &init, NULL) &&
                   !begin(device, &alice, "alice") && !begin(device, &bob, "bob") &&
                   !finish(&alice, &bob, HUFU_AGREE_INITIATOR) && !finish(&bob, &alice, 0);
    const int done = ok && confirmed(&alice, &bob) && !talk(&alice, &bob);
    if (!done)
        fprintf(stderr, "agree: %s\n",
                ok && !confirmed(&alice, &bob) ? "not the same key" : hufu_last_error());
    hufu_session_close(alice.session);
    hufu_session_close(bob.session);
    hufu_close(device);
    return !done;
}
