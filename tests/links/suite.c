/*
 * What every link must carry: one suite over libhufu, the same for each link. It wants a blank
 * device.
 *
 *   links-suite URL
 *
 * prints "ok GROUP TITLE" or "FAIL GROUP TITLE: why" for each check. What only the other side can
 * do, it asks for with a line on stdout and waits for the answer on stdin, "done" or "none" (this
 * link cannot do that):
 *
 *   ! cut       break the connection; the device keeps its power; the next connection works
 *   ! restart   cut the device's power and switch it on again
 *
 * tests/links/links.py starts it for each link and tells how a link plugs in.
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/hufu.h"

#define ADMIN_PIN    "admin-pin"
#define OPERATOR_PIN "operator-pin"
#define USER_PIN     "user-pin"

enum { DIGEST = 32, PAIRS_MAX = 2000, SIGNATURES_MAX = 3000, LARGE = 60000 };

static struct {
    const char *url, *group;
    unsigned passed, failed;
    struct hufu_device *device;
    struct hufu_session *session;
    struct hufu_info info;
    struct hufu_capabilities can;
    uint32_t sm2, rsa; /* handles */
    struct hufu_object sm2_object, rsa_object;
} t;

/* ------------------------------------------------------------------ the count */

static bool check(bool good, const char *title, const char *why)
{
    if (good) {
        t.passed++;
        printf("ok %s %s\n", t.group, title);
    } else {
        t.failed++;
        printf("FAIL %s %s: %s\n", t.group, title, why);
    }
    fflush(stdout);
    return good;
}

static bool ok(const char *title, enum hufu_status s)
{
    return check(s == HUFU_OK, title, hufu_last_error());
}

/* It must fail, and just so. */
static bool refused(const char *title, enum hufu_status s, enum hufu_status wanted)
{
    char why[700];
    snprintf(why, sizeof why, "%s instead of %s (%s)", hufu_status_name(s),
             hufu_status_name(wanted), s ? hufu_last_error() : "it worked");
    return check(s == wanted, title, why);
}

static void give_up(const char *why)
{
    check(false, "the rest", why);
    printf("%u passed, %u failed\n", t.passed, t.failed);
    exit(1);
}

/* true: the other side did it. */
static bool ask(const char *what)
{
    char line[32];
    printf("! %s\n", what);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        give_up("nobody answers to what is asked for");
    return !strncmp(line, "done", 4);
}

/* ------------------------------------------------------------------ helpers */

static enum hufu_status log_in(uint8_t account, const char *pin)
{
    enum hufu_status s = HUFU_OK;
    if (!t.session)
        s = hufu_session_open(t.device, &t.session);
    return s ? s : hufu_login(t.session, account, pin, strlen(pin), NULL);
}

static enum hufu_status generate(uint8_t type, const char *label, uint32_t *handle)
{
    const struct hufu_key_spec spec = {.type = type,
                                       .usage = HUFU_USAGE_SIGN | HUFU_USAGE_DECRYPT |
                                                HUFU_USAGE_EXPORT_WRAPPED,
                                       .label = label,
                                       .id = label,
                                       .id_size = strlen(label)};
    return hufu_key_generate(t.session, &spec, handle, NULL, NULL);
}

static struct hufu_signing signing_of(uint8_t type)
{
    return type == HUFU_KEY_SM2
               ? (struct hufu_signing){.scheme = HUFU_SIGN_SM2}
               : (struct hufu_signing){.scheme = HUFU_SIGN_RSA_PKCS1, .hash = HUFU_DIGEST_SHA256};
}

/* What libcrypto says to a signature over a digest. */
static bool openssl_verifies(const struct hufu_object *o, const uint8_t digest[DIGEST],
                             const uint8_t *signature, size_t size)
{
    uint8_t spki[600], der[72];
    size_t spki_size = sizeof spki, der_size = sizeof der;
    const uint8_t *p = spki;
    const bool sm2 = o->type == HUFU_KEY_SM2;
    if (hufu_public_to_spki(o->type, o->public_key, o->public_size, spki, &spki_size) ||
        (sm2 && hufu_sm2_signature_to_der(signature, der, &der_size)))
        return false;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki_size);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool good = ctx && EVP_PKEY_verify_init(ctx) == 1;
    if (good && !sm2)
        good = EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
    good = good &&
           EVP_PKEY_verify(ctx, sm2 ? der : signature, sm2 ? der_size : size, digest, DIGEST) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

/* Sign a digest with a key and let both judge: the device and libcrypto. */
static void sign_and_verify(const char *title, const struct hufu_object *o)
{
    uint8_t digest[DIGEST], signature[HUFU_SIGNATURE_MAX];
    size_t size = sizeof signature;
    const struct hufu_signing how = signing_of(o->type);
    const struct hufu_key key = {
        .type = o->type, .public_key = o->public_key, .public_size = o->public_size};
    RAND_bytes(digest, sizeof digest);
    if (!ok(title, hufu_sign(t.session, o->handle, &how, digest, DIGEST, signature, &size)))
        return;
    check(openssl_verifies(o, digest, signature, size), title, "OpenSSL says no");
    ok(title, hufu_verify(hufu_nobody(t.device), &key, &how, digest, DIGEST, signature, size));
    digest[7] ^= 1;
    refused(title, hufu_verify(hufu_nobody(t.device), &key, &how, digest, DIGEST, signature, size),
            HUFU_E_SIGNATURE_INVALID);
}

/* ------------------------------------------------------------------ initialise */

static void initialise(void)
{
    const struct hufu_init init = {.retries = 5,
                                   .label = "Links",
                                   .admin_pin = ADMIN_PIN,
                                   .operator_pin = OPERATOR_PIN,
                                   .user_pin = USER_PIN};
    const uint8_t none[HUFU_SERIAL_SIZE] = {0};
    uint8_t serial[HUFU_SERIAL_SIZE];
    t.group = "initialise";
    if (!ok("open", hufu_open(&t.device, t.url)))
        give_up("there is no device");
    ok("information", hufu_info(t.device, &t.info));
    check(t.info.state == HUFU_STATE_BLANK, "blank at first", "the suite wants a blank device");
    ok("capabilities", hufu_capabilities(t.device, &t.can));
    if (!ok("initialise", hufu_device_init(t.device, &init, serial)))
        give_up("the device is not initialised");
    ok("information afterwards", hufu_info(t.device, &t.info));
    check(t.info.state == HUFU_STATE_READY && !strcmp(t.info.label, "Links"), "ready, with a label",
          "another state or label");
    check(!memcmp(serial, t.info.serial, sizeof serial) && memcmp(serial, none, sizeof none),
          "serial number", "not the one that was told, or none");
    refused("initialise again", hufu_device_init(t.device, &init, NULL), HUFU_E_WRONG_STATE);
    ok("self-test", hufu_selftest(t.device, NULL));
}

/* ------------------------------------------------------------------ keys */

static int count_object(void *context, const struct hufu_object *o)
{
    (void)o;
    ++*(unsigned *)context;
    return 0;
}

static unsigned objects(void)
{
    unsigned n = 0;
    return hufu_object_list(t.session, 0, count_object, &n) ? UINT32_MAX : n;
}

static void key_by_label(const char *label, uint32_t handle)
{
    uint32_t found = 0;
    ok("find by label", hufu_object_find(t.session, 0, label, NULL, 0, &found));
    check(found == handle, "the one that was made", "another one");
}

/* Out wrapped, destroyed, in again: the same public key. */
static void wrapped_and_back(void)
{
    struct hufu_wrapped wrapped;
    struct hufu_object before, after;
    uint32_t handle = 0;
    if (!ok("key to move", generate(HUFU_KEY_SM2, "moved", &handle)))
        return;
    ok("its information", hufu_object_info(t.session, handle, &before));
    if (!ok("export wrapped", hufu_key_export(t.session, handle, &wrapped)))
        return;
    ok("destroy", hufu_object_destroy(t.session, handle));
    refused("it is gone", hufu_object_info(t.session, handle, &after), HUFU_E_NO_OBJECT);
    ok("import", hufu_key_import(t.session, &wrapped, "back", NULL, 0, &handle));
    ok("information of the imported", hufu_object_info(t.session, handle, &after));
    check(!memcmp(before.public_key, after.public_key, HUFU_SM2_PUBLIC_SIZE), "the same key",
          "another public key");
    wrapped.record[70] ^= 1;
    refused("import of a forged one",
            hufu_key_import(t.session, &wrapped, "forged", NULL, 0, &handle), HUFU_E_WRONG_WRAP);
}

static void keys(void)
{
    t.group = "keys";
    if (!ok("session and log-in", log_in(HUFU_ACCOUNT_USER, USER_PIN)))
        give_up("no session");
    if (!ok("SM2 key", generate(HUFU_KEY_SM2, "sm2", &t.sm2)) ||
        !ok("RSA key", generate(HUFU_KEY_RSA2048, "rsa", &t.rsa)))
        give_up("no keys");
    ok("SM2 information", hufu_object_info(t.session, t.sm2, &t.sm2_object));
    ok("RSA information", hufu_object_info(t.session, t.rsa, &t.rsa_object));
    check(t.rsa_object.public_size == 260, "RSA public key", "another size");
    key_by_label("sm2", t.sm2);
    key_by_label("rsa", t.rsa);
    check(objects() == 2, "two in the list", "another number");
    wrapped_and_back();
    check(objects() == 3, "three in the list", "another number");
}

/* ------------------------------------------------------------------ batches of keys */

struct harvest {
    unsigned count, stop_after,
        chunks;            /* stop_after: chunks until the connection is cut; 0: never */
    bool cut;              /* it was */
    uint8_t batch[64][16]; /* of the chunks that were taken */
    uint8_t keys[PAIRS_MAX * 2][HUFU_SM2_PUBLIC_SIZE];
    uint8_t header[HUFU_WRAP_HEADER_SIZE], record[HUFU_WRAPPED_MAX];
    size_t record_size;
};

static struct harvest harvest;

static int take(void *context, const struct hufu_key_chunk *k)
{
    struct harvest *h = context;
    for (unsigned i = 0; i < h->chunks; i++)
        if (!memcmp(h->batch[i], k->fields.batch, 16))
            return HUFU_CHUNK_KNOWN;
    if (h->chunks == 64 || h->count + k->count > PAIRS_MAX * 2)
        return 1;
    memcpy(h->batch[h->chunks++], k->fields.batch, 16);
    for (uint32_t i = 0; i < k->count; i++)
        if (k->status[i / 8] >> (i % 8) & 1)
            memcpy(h->keys[h->count++], k->records + i * k->record_size, HUFU_SM2_PUBLIC_SIZE);
    memcpy(h->header, k->header, sizeof h->header);
    memcpy(h->record, k->records, k->record_size);
    h->record_size = k->record_size;
    if (h->stop_after && h->chunks == h->stop_after)
        h->cut = ask("cut");
    return 0;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, HUFU_SM2_PUBLIC_SIZE);
}

static bool all_different(struct harvest *h)
{
    qsort(h->keys, h->count, sizeof h->keys[0], compare);
    for (unsigned i = 1; i < h->count; i++)
        if (!compare(h->keys[i - 1], h->keys[i]))
            return false;
    return true;
}

/* As many as a device of this size makes in a moment. */
static unsigned pairs(void)
{
    return t.info.frame_max < 65536 ? 60 : PAIRS_MAX;
}

static struct hufu_batch batch_of(unsigned total, unsigned chunk)
{
    return (struct hufu_batch){.type = HUFU_KEY_SM2,
                               .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                               .total = total,
                               .chunk = chunk};
}

static void batch(void)
{
    const struct hufu_batch b = batch_of(pairs(), 0);
    struct hufu_object o;
    uint64_t made = 0;
    t.group = "batch";
    harvest = (struct harvest){0};
    ok("key pairs", hufu_key_batch(t.session, &b, take, &harvest, &made));
    check(made == b.total && harvest.count == b.total, "as many as asked for", "another number");
    check(all_different(&harvest), "all different", "two are the same");
    struct hufu_wrapped w = {.record_size = harvest.record_size};
    memcpy(w.header, harvest.header, sizeof w.header);
    memcpy(w.record, harvest.record, sizeof w.record);
    uint32_t handle = 0;
    if (!ok("import of one of them", hufu_key_import(t.session, &w, "batch", NULL, 0, &handle)))
        return;
    ok("its information", hufu_object_info(t.session, handle, &o));
    sign_and_verify("a signature with it", &o);
    refused("no ticket is left", hufu_key_fetch(t.session, 0, take, &harvest), HUFU_E_NO_TICKET);
}

/* ------------------------------------------------------------------ signatures, large data */

static void sign_many(const struct hufu_object *o, unsigned n)
{
    uint8_t *digests = malloc((size_t)n * DIGEST), *good = malloc(n);
    const size_t each = hufu_signature_size(o->type);
    uint8_t *signatures = malloc(n * each);
    const struct hufu_signing how = signing_of(o->type);
    unsigned right = 0;
    if (!digests || !good || !signatures || RAND_bytes(digests, (int)n * DIGEST) != 1)
        give_up("no memory");
    ok("batch",
       hufu_sign_batch(t.session, o->handle, &how, digests, DIGEST, n, signatures, each, good));
    for (unsigned i = 0; i < n; i += n / 20 + 1)
        right += good[i] && openssl_verifies(o, digests + i * DIGEST, signatures + i * each, each);
    check(right == (n + n / 20) / (n / 20 + 1), "OpenSSL verifies the batch", "not all of it");
    free(digests);
    free(signatures);
    free(good);
}

/* What needs the largest commands and answers of the link. */
static void large_data(void)
{
    static uint8_t data[LARGE], again[LARGE];
    uint8_t digest[HUFU_DIGEST_MAX], wanted[EVP_MAX_MD_SIZE];
    size_t size = sizeof digest;
    const size_t n = t.info.frame_max < 65536 ? t.info.frame_max / 2 : LARGE;
    ok("random", hufu_random(t.device, data, n));
    ok("random again", hufu_random(t.device, again, n));
    check(memcmp(data, again, n), "random bytes differ", "they are the same");
    ok("digest of much",
       hufu_digest(hufu_nobody(t.device), HUFU_DIGEST_SM3, NULL, NULL, 0, data, n, digest, &size));
    check(EVP_Digest(data, n, wanted, NULL, EVP_sm3(), NULL) == 1 && size == 32 &&
              !memcmp(digest, wanted, 32),
          "OpenSSL's digest", "another one");
    for (size_t i = 0; i <= 600 && i < n; i += i < 250 ? 25 : i < 265 ? 1 : 67) {
        size = sizeof digest;
        if (hufu_digest(hufu_nobody(t.device), HUFU_DIGEST_SM3, NULL, NULL, 0, data, i, digest,
                        &size) ||
            EVP_Digest(data, i, wanted, NULL, EVP_sm3(), NULL) != 1 || memcmp(digest, wanted, 32)) {
            check(false, "digests of every length around a short APDU", hufu_last_error());
            return;
        }
    }
    check(true, "digests of every length around a short APDU", "");
    for (size_t i = 1; i <= 600 && i < n; i += i < 250 ? 31 : i < 262 ? 1 : 67)
        if (hufu_random(t.device, data, i)) {
            check(false, "answers of every length around a short APDU", hufu_last_error());
            return;
        }
    check(true, "answers of every length around a short APDU", "");
}

static void sign(void)
{
    t.group = "sign";
    sign_and_verify("SM2", &t.sm2_object);
    sign_and_verify("RSA", &t.rsa_object);
    sign_many(&t.sm2_object, t.info.frame_max < 65536 ? 120 : SIGNATURES_MAX);
    sign_many(&t.rsa_object, t.info.frame_max < 65536 ? 2 : 40);
    large_data();
}

/* ------------------------------------------------------------------ lost and found */

static bool is_link_failure(enum hufu_status s)
{
    return s == HUFU_E_LINK || s == HUFU_E_UNKNOWN_OUTCOME;
}

static void new_session(void)
{
    struct hufu_object o;
    struct hufu_session *old = t.session;
    refused("the old session has ended", hufu_object_info(old, t.sm2, &o), HUFU_E_NO_SESSION);
    hufu_session_close(old);
    t.session = NULL;
    if (!ok("a new session", log_in(HUFU_ACCOUNT_USER, USER_PIN)))
        give_up("no session");
}

/* After the link broke: it says so, and a new one works. done: it did break. */
static void recover(bool done)
{
    struct hufu_object o;
    enum hufu_status s;
    if (done) {
        s = hufu_object_info(t.session, t.sm2, &o);
        check(is_link_failure(s), "a command on the broken link", hufu_status_name(s));
        s = hufu_object_info(t.session, t.sm2, &o);
        check(s == HUFU_E_LINK, "the next is not even sent", hufu_status_name(s));
    }
    if (!ok("reconnect", hufu_reconnect(t.device)))
        give_up("no link any more");
    new_session();
    ok("the key is there", hufu_object_info(t.session, t.sm2, &o));
    check(!memcmp(o.public_key, t.sm2_object.public_key, HUFU_SM2_PUBLIC_SIZE), "the same key",
          "another public key");
}

static void lost_in_batch(void)
{
    const unsigned total = pairs() / 2, chunk = t.info.frame_max < 65536 ? 10 : 100;
    struct hufu_batch b = batch_of(total, chunk);
    uint64_t made = 0, more = 0;
    harvest = (struct harvest){.stop_after = 2};
    enum hufu_status s = hufu_key_batch(t.session, &b, take, &harvest, &made);
    if (harvest.cut)
        check(is_link_failure(s), "the batch breaks off", hufu_status_name(s));
    if (s) {
        ok("reconnect", hufu_reconnect(t.device));
        new_session();
    }
    harvest.stop_after = 0;
    b.resume = 1;
    b.total = harvest.count < total ? total - harvest.count : 0;
    ok("the batch goes on", hufu_key_batch(t.session, &b, take, &harvest, &more));
    check(harvest.count >= total, "as many as asked for", "fewer");
    check(all_different(&harvest), "no key twice", "two are the same");
    refused("no ticket is left", hufu_key_fetch(t.session, 0, take, &harvest), HUFU_E_NO_TICKET);
}

static void lost(void)
{
    t.group = "lost";
    recover(ask("cut"));
    sign_and_verify("SM2 over the new link", &t.sm2_object);
    lost_in_batch();
}

static void reset(void)
{
    const uint32_t boots = t.info.boots;
    t.group = "reset";
    const bool done = ask("restart");
    if (done) {
        recover(true);
    } else { /* the device is ours: it ends with its link */
        ok("reconnect", hufu_reconnect(t.device));
        new_session();
    }
    ok("information", hufu_info(t.device, &t.info));
    check(t.info.boots > boots, "it started again", "the same start");
    check(t.info.state == HUFU_STATE_READY, "ready", "another state");
    sign_and_verify("SM2 after the restart", &t.sm2_object);
    sign_and_verify("RSA after the restart", &t.rsa_object);
    check(objects() == 4, "all objects are there", "another number");
}

/* ------------------------------------------------------------------ wrong input */

static void every_instruction(void)
{
    static uint8_t answer[65536];
    uint8_t junk[40];
    /* CHANNEL CLOSE ends the channel if there is one; GET RESPONSE is one of APDUs only */
    enum { SELFTEST = 0x06, INIT = 0x30, CHANNEL_CLOSE = 0xE6, GET_RESPONSE = 0xC0 };
    for (unsigned ins = 0; ins < 256; ins++)
        for (size_t n = 0; n <= sizeof junk; n += 13) {
            size_t size = sizeof answer;
            if (ins == SELFTEST || ins == INIT || ins == CHANNEL_CLOSE || ins == GET_RESPONSE)
                continue;
            RAND_bytes(junk, sizeof junk);
            junk[0] = junk[1] = 0; /* RANDOM: a number of bytes that can be had */
            junk[2] &= 3;
            const enum hufu_status s =
                hufu_command(t.device, 0, (uint8_t)ins, junk, n, answer, &size);
            const bool known = hufu_command_name((uint8_t)ins) != NULL;
            if ((known ? is_link_failure(s) || s == HUFU_E_BAD_ANSWER || s == HUFU_E_TIMEOUT
                       : s != HUFU_E_NO_COMMAND)) {
                check(false, "junk to every instruction", hufu_last_error());
                return;
            }
        }
    check(true, "junk to every instruction", "");
}

static void wrong_pin(void)
{
    refused("wrong PIN", hufu_login(t.session, HUFU_ACCOUNT_OPERATOR, "not this", 8, NULL),
            HUFU_E_PIN_WRONG);
    check((hufu_last_sw() & 15) == 4, "a try is gone", "another number of tries");
    refused("short PIN", hufu_login(t.session, HUFU_ACCOUNT_OPERATOR, "no", 2, NULL),
            HUFU_E_PIN_RANGE);
    refused("wrong PIN again", hufu_login(t.session, HUFU_ACCOUNT_OPERATOR, "not this", 8, NULL),
            HUFU_E_PIN_WRONG);
    check((hufu_last_sw() & 15) == 3, "one more try is gone", "another number of tries");
    ok("right PIN", log_in(HUFU_ACCOUNT_OPERATOR, OPERATOR_PIN));
    ok("log in again", log_in(HUFU_ACCOUNT_USER, USER_PIN));
}

static void wrong_input(void)
{
    const struct hufu_signing how = signing_of(HUFU_KEY_SM2);
    uint8_t digest[DIGEST] = {1}, signature[HUFU_SIGNATURE_MAX];
    size_t size = sizeof signature;
    struct hufu_info info;
    t.group = "wrong";
    every_instruction();
    uint8_t *large = calloc(1, HUFU_FRAME_MAX + 1);
    if (!large)
        give_up("no memory");
    refused("a command that is too long",
            hufu_command(t.device, 0, 0x86, large, HUFU_FRAME_MAX + 1, NULL, NULL),
            HUFU_E_ARGUMENT);
    free(large);
    refused("a session that is not there",
            hufu_command(t.device, 0x7FFF, 0x16, NULL, 0, NULL, NULL), HUFU_E_NO_SESSION);
    refused("a key that is not there",
            hufu_sign(t.session, 0x00ABCDEF, &how, digest, DIGEST, signature, &size),
            HUFU_E_NO_OBJECT);
    refused("a digest of the wrong size",
            hufu_sign(t.session, t.sm2, &how, digest, DIGEST - 1, signature, &size),
            HUFU_E_WRONG_DATA);
    refused("a type that is not there", generate(99, "none", &t.rsa), HUFU_E_NOT_SUPPORTED);
    wrong_pin();
    ok("information", hufu_info(t.device, &info));
    check(info.state == HUFU_STATE_READY && info.objects == t.info.objects, "nothing has changed",
          "another state or number of objects");
    sign_and_verify("SM2 after all that", &t.sm2_object);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: links-suite URL\n");
        return 2;
    }
    t.url = argv[1];
    initialise();
    keys();
    batch();
    sign();
    lost();
    reset();
    wrong_input();
    t.group = "close";
    ok("session", hufu_session_close(t.session));
    hufu_close(t.device);
    printf("%u passed, %u failed\n", t.passed, t.failed);
    return t.failed != 0;
}
