/*
 * One of the many clients of the load test: mixed operations on its own keys until it is told to
 * stop, through the library, reconnecting when the device goes away. What it does is in its
 * journal, from which tests/load/model.py works out what must be in the device.
 *
 *   usage: load-client URL JOURNAL SEED ACCOUNT PIN [TRIES-ACCOUNT]
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/load/journal.h"

enum { PATIENCE_S = 120, SAMPLE = 40, BATCH = 200, CHUNK = 100, REPORT_EVERY = 8, PINS_EVERY = 4 };

struct client {
    struct hufu_device *device;
    struct hufu_session *session;
    uint8_t account, tries_account;
    const char *pin;
    uint64_t random;
    struct keys keys;
    bool sure; /* an unknown outcome may not have cost a try of the tries account */
};

static volatile sig_atomic_t stopping;

static void on_stop(int number)
{
    (void)number;
    stopping = 1;
}

/* xorshift: which operation comes next is no secret */
static uint32_t below(struct client *c, uint32_t n)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (uint32_t)(c->random >> 32) % n;
}

static struct own_key *any_key(struct client *c, uint8_t type)
{
    const size_t from = c->keys.n ? below(c, (uint32_t)c->keys.n) : 0;
    for (size_t i = 0; i < c->keys.n; i++) {
        struct own_key *k = &c->keys.key[(from + i) % c->keys.n];
        if (k->type == type)
            return k;
    }
    return NULL;
}

/* ------------------------------------------------------------------ operations */

static enum hufu_status generate(struct client *c)
{
    static const uint8_t types[] = {HUFU_KEY_SM2, HUFU_KEY_SM2, HUFU_KEY_SM2, HUFU_KEY_SM2,
                                    HUFU_KEY_SM2, HUFU_KEY_SM4, HUFU_KEY_SM4, HUFU_KEY_AES256};
    struct own_key k = {.public_size = sizeof k.public_key};
    char head[96];
    if (c->keys.n == KEYS_MAX)
        return HUFU_OK;
    k.type = below(c, 60) ? types[below(c, sizeof types)] : HUFU_KEY_RSA2048;
    snprintf(k.label, sizeof k.label, "g%u", c->keys.labels++);
    const bool pair = k.type == HUFU_KEY_SM2 || k.type == HUFU_KEY_RSA2048;
    const struct hufu_key_spec spec = {.type = k.type,
                                       .usage = HUFU_USAGE_DECRYPT |
                                                (pair ? HUFU_USAGE_SIGN : HUFU_USAGE_ENCRYPT),
                                       .label = k.label};
    note("G %u %s", k.type, k.label);
    const enum hufu_status s =
        hufu_key_generate(c->session, &spec, &k.handle, k.public_key, &k.public_size);
    if (s)
        return s;
    snprintf(head, sizeof head, "K %u %u %s", k.handle, k.type, k.label);
    note_bytes(head, k.public_key, k.public_size, NULL, 0);
    c->keys.key[c->keys.n++] = k;
    return HUFU_OK;
}

static enum hufu_status destroy(struct client *c)
{
    if (!c->keys.n)
        return HUFU_OK;
    const uint32_t handle = c->keys.key[below(c, (uint32_t)c->keys.n)].handle;
    note("D %u", handle);
    keys_remove(&c->keys, handle);
    const enum hufu_status s = hufu_object_destroy(c->session, handle);
    if (!s)
        note("X %u", handle);
    return s;
}

static enum hufu_status name(struct client *c)
{
    if (!c->keys.n)
        return HUFU_OK;
    struct own_key *k = &c->keys.key[below(c, (uint32_t)c->keys.n)];
    char label[LABEL_ROOM];
    snprintf(label, sizeof label, "l%u", c->keys.labels++);
    note("L %u %s", k->handle, label);
    k->label[0] = 0; /* not known until it is acknowledged */
    const enum hufu_status s = hufu_object_label(c->session, k->handle, label, NULL, 0);
    if (s)
        return s;
    note("M %u %s", k->handle, label);
    strcpy(k->label, label);
    return HUFU_OK;
}

/* Other clients of the account, and earlier ones, use the same names. */
static enum hufu_status look_up(struct client *c)
{
    if (!c->keys.n)
        return HUFU_OK;
    const struct own_key *k = &c->keys.key[below(c, (uint32_t)c->keys.n)];
    struct hufu_object object;
    enum hufu_status s;
    for (uint32_t handle = 0; *k->label && handle != k->handle;) {
        s = hufu_object_find(c->session, handle, k->label, NULL, 0, &handle);
        if (s == HUFU_E_NO_OBJECT)
            note("E key %u is not found by its label %s", k->handle, k->label);
        if (s)
            return s == HUFU_E_NO_OBJECT ? HUFU_OK : s;
    }
    s = hufu_object_info(c->session, k->handle, &object);
    if (!s && (object.public_size != k->public_size ||
               memcmp(object.public_key, k->public_key, k->public_size) != 0))
        note("E key %u is another one now", k->handle);
    return s;
}

static enum hufu_status sign(struct client *c)
{
    const bool rsa = below(c, 8) == 0;
    const struct own_key *k = any_key(c, rsa ? HUFU_KEY_RSA2048 : HUFU_KEY_SM2);
    const struct hufu_signing how = {.scheme = rsa ? HUFU_SIGN_RSA_PKCS1 : HUFU_SIGN_SM2_MESSAGE,
                                     .hash = rsa ? HUFU_DIGEST_SHA256 : 0};
    uint8_t message[32], signature[HUFU_SIGNATURE_MAX];
    char head[32];
    size_t size = sizeof signature;
    if (!k)
        return generate(c);
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)below(c, 256);
    enum hufu_status s =
        hufu_sign(c->session, k->handle, &how, message, sizeof message, signature, &size);
    if (s || below(c, SAMPLE))
        return s;
    snprintf(head, sizeof head, "S %u", k->handle);
    note_bytes(head, message, sizeof message, signature, size);
    const struct hufu_key key = {.handle = k->handle};
    s = hufu_verify(c->session, &key, &how, message, sizeof message, signature, size);
    if (s == HUFU_E_SIGNATURE_INVALID)
        note("E a signature by key %u is wrong", k->handle);
    if (s)
        return s;
    message[below(c, sizeof message)] ^= 1;
    s = hufu_verify(c->session, &key, &how, message, sizeof message, signature, size);
    if (!s)
        note("E a signature by key %u is right for another message", k->handle);
    return s == HUFU_E_SIGNATURE_INVALID ? HUFU_OK : s;
}

static enum hufu_status decrypt(struct client *c)
{
    static const uint8_t iv[16] = {7};
    static const struct {
        uint8_t type;
        struct hufu_ciphering how;
    } kinds[] = {{HUFU_KEY_SM2, {.scheme = HUFU_CIPHER_SM2}},
                 {HUFU_KEY_SM4, {.scheme = HUFU_CIPHER_SM4_CTR, .iv = iv, .iv_size = 16}},
                 {HUFU_KEY_AES256, {.scheme = HUFU_CIPHER_AES_CBC, .iv = iv, .iv_size = 16}},
                 {HUFU_KEY_RSA2048, {.scheme = HUFU_CIPHER_RSA_OAEP, .hash = HUFU_DIGEST_SHA256}}};
    const unsigned kind = below(c, 4);
    const struct own_key *k = any_key(c, kinds[kind].type);
    uint8_t plain[48], cipher[512], back[512];
    size_t cipher_size = sizeof cipher, back_size = sizeof back;
    if (!k)
        return generate(c);
    memset(plain, (int)below(c, 256), sizeof plain);
    const struct hufu_key key = {.handle = k->handle};
    enum hufu_status s =
        hufu_encrypt(c->session, &key, &kinds[kind].how, plain, sizeof plain, cipher, &cipher_size);
    if (!s)
        s = hufu_decrypt(c->session, k->handle, &kinds[kind].how, cipher, cipher_size, back,
                         &back_size);
    if (!s && (back_size != sizeof plain || memcmp(plain, back, sizeof plain) != 0))
        note("E key %u does not give back what was encrypted", k->handle);
    return s;
}

static int on_chunk(void *context, const struct hufu_key_chunk *chunk)
{
    static uint8_t keys[CHUNK * HUFU_SM2_PUBLIC_SIZE];
    char head[64];
    int n = snprintf(head, sizeof head, "C %d ", chunk->fetched);
    (void)context;
    for (size_t i = 0; i < sizeof chunk->fields.batch; i++)
        n += snprintf(head + n, sizeof head - (size_t)n, "%02x", chunk->fields.batch[i]);
    for (size_t i = 0; i < chunk->count && i < CHUNK; i++)
        memcpy(keys + i * HUFU_SM2_PUBLIC_SIZE, chunk->records + i * chunk->record_size,
               HUFU_SM2_PUBLIC_SIZE);
    note_bytes(head, keys, chunk->count * HUFU_SM2_PUBLIC_SIZE, NULL, 0);
    return 0;
}

static enum hufu_status batch(struct client *c)
{
    const struct hufu_batch what = {.type = HUFU_KEY_SM2,
                                    .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                                    .total = BATCH,
                                    .chunk = CHUNK,
                                    .resume = 1};
    return hufu_key_batch(c->session, &what, on_chunk, c, NULL);
}

/* Wrong PINs on an account of this client alone; before they are used up, the right one. */
static enum hufu_status pins(struct client *c)
{
    struct hufu_session *session;
    enum hufu_status s = hufu_session_open(c->device, &session);
    if (s)
        return s;
    if (!c->sure || below(c, 3) == 0) {
        c->sure = false;
        note("r");
        s = hufu_login(session, c->tries_account, c->pin, strlen(c->pin), NULL);
        if (!s) {
            note("R");
            c->sure = true;
        }
    } else {
        c->sure = false;
        note("w");
        s = hufu_login(session, c->tries_account, "wrong-pin", 9, NULL);
        if ((hufu_last_sw() & 0xFFF0) == HUFU_E_PIN_WRONG && s == HUFU_E_PIN_WRONG) {
            const unsigned left = hufu_last_sw() & 15u;
            note("W %u", left);
            c->sure = left > 3;
            s = HUFU_OK;
        } else if (!s) {
            note("E a wrong PIN is taken");
        }
    }
    hufu_session_close(session);
    return s;
}

/* ------------------------------------------------------------------ the link */

static enum hufu_status log_in(struct client *c)
{
    enum hufu_status s = hufu_session_open(c->device, &c->session);
    if (!s)
        s = hufu_login(c->session, c->account, c->pin, strlen(c->pin), NULL);
    return s;
}

static enum hufu_status again(struct client *c)
{
    hufu_session_close(c->session);
    c->session = NULL;
    return log_in(c);
}

static bool lost(enum hufu_status s)
{
    return s == HUFU_E_LINK || s == HUFU_E_UNKNOWN_OUTCOME || s == HUFU_E_TIMEOUT ||
           s == HUFU_E_OPEN;
}

/* Until the device is there again, or it is time to stop. */
static enum hufu_status reconnect(struct client *c)
{
    const struct timespec pause = {0, 20 * 1000 * 1000};
    enum hufu_status s = HUFU_E_LINK;
    hufu_session_close(c->session);
    c->session = NULL;
    for (int i = 0; i < PATIENCE_S * 50 && lost(s) && !stopping; i++) {
        hufu_session_close(c->session);
        c->session = NULL;
        s = hufu_reconnect(c->device);
        if (!s)
            s = log_in(c);
        if (s)
            nanosleep(&pause, NULL);
    }
    return s;
}

/* ------------------------------------------------------------------ the mix */

static const struct operation {
    const char *name;
    enum hufu_status (*run)(struct client *c);
    uint32_t share;
} mix[] = {{"generate", generate, 12}, {"destroy", destroy, 10}, {"label", name, 6},
           {"look-up", look_up, 10},   {"sign", sign, 40},       {"decrypt", decrypt, 16},
           {"batch", batch, 1},        {"pin", pins, 0},         {"session", again, 2}};
enum { KINDS = sizeof mix / sizeof *mix, PINS = 7 };

static unsigned choose(struct client *c)
{
    uint32_t sum = 0;
    if (c->tries_account && below(c, PINS_EVERY) == 0)
        return PINS;
    for (unsigned i = 0; i < KINDS; i++)
        sum += mix[i].share;
    uint32_t at = below(c, sum);
    unsigned i = 0;
    for (; at >= mix[i].share; i++)
        at -= mix[i].share;
    return i;
}

static void report(unsigned counts[KINDS], unsigned refused)
{
    char line[256];
    int n = snprintf(line, sizeof line, "T refused=%u", refused);
    for (unsigned i = 0; i < KINDS; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, " %s=%u", mix[i].name, counts[i]);
    note("%s", line);
    memset(counts, 0, KINDS * sizeof *counts);
}

static int work(struct client *c)
{
    unsigned counts[KINDS] = {0}, done = 0, refused = 0;
    while (!stopping) {
        const unsigned kind = choose(c);
        enum hufu_status s = mix[kind].run(c);
        counts[kind]++;
        if (lost(s))
            s = reconnect(c);
        /* all places for tickets are taken: that is an answer, too */
        if (s == HUFU_E_TOO_MANY) {
            refused++;
            s = c->session ? HUFU_OK : s;
        }
        if (s && !stopping) {
            note("E %s: %s", mix[kind].name, hufu_last_error());
            return 1;
        }
        if (++done % REPORT_EVERY == 0) {
            report(counts, refused);
            refused = 0;
        }
    }
    report(counts, refused);
    return 0;
}

int main(int argc, char **argv)
{
    static struct client c;
    const struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    if (argc < 6) {
        fprintf(stderr, "usage: load-client URL JOURNAL SEED ACCOUNT PIN [TRIES-ACCOUNT]\n");
        return 2;
    }
    sigaction(SIGTERM, &stop, NULL);
    journal_open(argv[2], &c.keys);
    c.random = strtoull(argv[3], NULL, 0) | 1;
    c.account = (uint8_t)atoi(argv[4]);
    c.pin = argv[5];
    c.tries_account = argc > 6 ? (uint8_t)atoi(argv[6]) : 0;
    enum hufu_status s = HUFU_E_OPEN;
    const struct timespec pause = {0, 20 * 1000 * 1000};
    for (int i = 0; i < PATIENCE_S * 50 && lost(s) && !stopping; i++) {
        s = hufu_open(&c.device, argv[1]);
        if (s)
            nanosleep(&pause, NULL);
    }
    if (!s)
        s = log_in(&c);
    if (lost(s) && c.device)
        s = reconnect(&c);
    int status = s && !stopping ? 1 : 0;
    if (status)
        note("E %s", hufu_last_error());
    else if (!s)
        status = work(&c);
    hufu_session_close(c.session);
    hufu_close(c.device);
    return status;
}
