/* device.*: commands through the dispatcher, the device in this process. link.*: the same calls
 * through libhufu and a Unix socket to a simulator that is started for the run. */
#include "bench/bench.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/client.h"
#include "bench/herd.h"

enum {
    CHUNKS = 8 /* chunks of a pipelined key batch in one call */
};

static struct {
    pid_t pid;
    char dir[64], url[96];
} sim;

/* The device in this process that many sessions share. */
static struct {
    struct hufu_device *device;
    unsigned users;
} shared;

struct client {
    struct hufu_device *device;
    struct hufu_session *session;
    size_t n;
    uint32_t handle;
    uint8_t type, public_key[HUFU_PUBLIC_MAX];
    size_t public_size, signature_size;
    uint8_t *digests, *signatures, *keys, *bulk;
    struct hufu_signing signing;
};

/* ------------------------------------------------------------------ the simulator */

void link_stop(void)
{
    if (sim.pid > 0) {
        kill(sim.pid, SIGTERM);
        waitpid(sim.pid, NULL, 0);
    }
    sim.pid = 0;
    if (sim.dir[0])
        client_remove_tree(sim.dir);
    sim.dir[0] = 0;
}

static void run_sim(const struct options *o, int ready)
{
    char threads[16], ready_fd[16], socket[96];
    snprintf(threads, sizeof threads, "%u", o->threads);
    snprintf(ready_fd, sizeof ready_fd, "%d", ready);
    snprintf(socket, sizeof socket, "%s/socket", sim.dir);
    const char *argv[16] = {o->sim,      "--dir", sim.dir,      "--socket", socket,
                            "--threads", threads, "--ready-fd", ready_fd};
    if (o->engine) {
        argv[9] = "--engine";
        argv[10] = o->engine;
    }
    execv(o->sim, (char *const *)(uintptr_t)argv);
    fprintf(stderr, "hufu-bench: %s: %s\n", o->sim, strerror(errno));
    _exit(127);
}

static const char *start_sim(const struct options *o)
{
    int ready[2];
    char byte;
    if (sim.pid)
        return sim.url;
    snprintf(sim.dir, sizeof sim.dir, "/tmp/hufu-bench-XXXXXX");
    if (!mkdtemp(sim.dir) || pipe(ready))
        bench_die("/tmp", strerror(errno));
    snprintf(sim.url, sizeof sim.url, "unix:%s/socket", sim.dir);
    sim.pid = fork();
    if (sim.pid < 0)
        bench_die("fork", strerror(errno));
    if (sim.pid == 0) {
        close(ready[0]);
        run_sim(o, ready[1]);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        bench_die(o->sim, "did not start; name it with --sim");
    close(ready[0]);
    return sim.url;
}

/* ------------------------------------------------------------------ clients */

static struct client *new_client(struct hufu_device *device, size_t n)
{
    struct client *c = bench_alloc(sizeof *c);
    c->n = n;
    c->device = device;
    c->session = client_session(device);
    return c;
}

static void close_client(void *state)
{
    struct client *c = state;
    if (c->handle && !(c->handle & 0x80000000u))
        hufu_object_destroy(c->session, c->handle);
    hufu_session_close(c->session);
    if (c->device != shared.device) {
        hufu_close(c->device);
    } else if (!--shared.users) {
        hufu_close(shared.device);
        shared.device = NULL;
    }
    free(c->digests);
    free(c->signatures);
    free(c->keys);
    free(c->bulk);
    free(c);
}

static struct client *with_key(struct client *c, uint8_t type)
{
    const struct hufu_key_spec spec = {.type = type, .usage = HUFU_USAGE_SIGN, .label = "bench"};
    c->type = type;
    client_must(hufu_key_generate(c->session, &spec, &c->handle, c->public_key, &c->public_size),
                "key generation");
    c->signing.scheme = type == HUFU_KEY_SM2 ? HUFU_SIGN_SM2 : HUFU_SIGN_RSA_PKCS1;
    c->signing.hash = type == HUFU_KEY_SM2 ? HUFU_DIGEST_SM3 : HUFU_DIGEST_SHA256;
    c->signature_size = type == HUFU_KEY_SM2 ? 64 : 256;
    c->digests = bench_alloc(c->n * 32);
    c->signatures = bench_alloc(c->n * c->signature_size + HUFU_SIGNATURE_MAX);
    for (size_t i = 0; i < c->n; i++)
        RAND_bytes(c->digests + 32 * i, 32);
    return c;
}

static double call_sign(void *state)
{
    struct client *c = state;
    size_t size = HUFU_SIGNATURE_MAX;
    if (c->n == 1)
        client_must(
            hufu_sign(c->session, c->handle, &c->signing, c->digests, 32, c->signatures, &size),
            "signing");
    else
        client_must(hufu_sign_batch(c->session, c->handle, &c->signing, c->digests, 32, c->n,
                                    c->signatures, c->signature_size, NULL),
                    "signing");
    return (double)c->n;
}

static double call_verify(void *state)
{
    struct client *c = state;
    const struct hufu_key key = {
        .type = c->type, .public_key = c->public_key, .public_size = c->public_size};
    if (c->keys || c->n > 1)
        client_must(hufu_verify_batch(c->session, c->keys ? NULL : &key, c->keys, c->digests,
                                      c->signatures, c->n, NULL),
                    "verification");
    else
        client_must(hufu_verify(c->session, &key, &c->signing, c->digests, 32, c->signatures,
                                c->signature_size),
                    "verification");
    return (double)c->n;
}

static int take_chunk(void *context, const struct hufu_key_chunk *chunk)
{
    (void)context, (void)chunk;
    return 0;
}

static double call_batch(void *state)
{
    struct client *c = state;
    const size_t chunks = c->n > 1 ? CHUNKS : 1;
    const struct hufu_batch batch = {.type = c->type,
                                     .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                                     .total = c->n * chunks,
                                     .chunk = (uint32_t)c->n};
    uint64_t made;
    client_must(hufu_key_batch(c->session, &batch, take_chunk, NULL, &made), "key batch");
    return (double)made;
}

static double call_digest(void *state)
{
    struct client *c = state;
    uint8_t digest[HUFU_DIGEST_MAX];
    size_t size = sizeof digest;
    client_must(hufu_digest(c->session, HUFU_DIGEST_SM3, NULL, NULL, 0, c->bulk, BULK * c->n,
                            digest, &size),
                "digest");
    return BULK_MB * (double)c->n;
}

static double call_cipher(void *state)
{
    static const uint8_t iv[16];
    struct client *c = state;
    const struct hufu_key key = {.handle = c->handle, .type = HUFU_KEY_SM4};
    const struct hufu_ciphering how = {.scheme = HUFU_CIPHER_SM4_CTR, .iv = iv, .iv_size = 16};
    size_t size = BULK * c->n;
    client_must(hufu_encrypt(c->session, &key, &how, c->bulk, size, c->bulk, &size), "encryption");
    return BULK_MB * (double)c->n;
}

/* ------------------------------------------------------------------ cases */

static struct client *open_client(const struct options *o, size_t n, bool link)
{
    return new_client(client_device(o, link ? start_sim(o) : "inproc:", 0), n);
}

/* One of many sessions with a key of its own: on a connection of its own, or with the others on one
 * device in this process. */
static struct client *open_session(const struct options *o, size_t n, bool link, uint8_t type)
{
    if (link)
        return with_key(open_client(o, n, true), type);
    if (!shared.users++)
        shared.device = client_device(o, "inproc:", 0);
    return with_key(new_client(shared.device, n), type);
}

/* Many connections that this one thread serves. */
static struct herd *open_herd(const struct options *o, uint8_t type, bool verify)
{
    const char *url = start_sim(o);
    hufu_close(client_device(o, url, 0)); /* which makes the accounts */
    return herd_open(url + sizeof "unix:" - 1, o->sessions, type, verify);
}

static void *link_sm2_herd(const struct options *o, size_t n, unsigned t)
{
    (void)n, (void)t;
    return open_herd(o, HUFU_KEY_SM2, false);
}

static void *link_rsa_herd(const struct options *o, size_t n, unsigned t)
{
    (void)n, (void)t;
    return open_herd(o, HUFU_KEY_RSA2048, false);
}

static void *link_sm2_verify_herd(const struct options *o, size_t n, unsigned t)
{
    (void)n, (void)t;
    return open_herd(o, HUFU_KEY_SM2, true);
}

static void *open_batch(const struct options *o, size_t n, bool link, uint8_t type)
{
    struct client *c = open_client(o, n, link);
    c->type = type;
    return c;
}

static void *open_verify(const struct options *o, size_t n, bool link, uint8_t type)
{
    struct client *c = with_key(open_client(o, n, link), type);
    client_must(hufu_sign_batch(c->session, c->handle, &c->signing, c->digests, 32, n,
                                c->signatures, c->signature_size, NULL),
                "signing");
    return c;
}

/* With a key of its own for each signature. */
static void *open_verify_keys(const struct options *o, size_t n, bool link)
{
    struct client *c = open_client(o, n, link);
    c->keys = bench_alloc(n * 64);
    c->digests = bench_alloc(n * 32);
    c->signatures = bench_alloc(n * 64);
    bench_sm2_signatures(o, n, (uint8_t(*)[64])c->keys, (uint8_t(*)[32])c->digests,
                         (uint8_t(*)[64])c->signatures);
    return c;
}

/* Calls of n times BULK, as far as they go into one command. */
static struct client *open_bulk(const struct options *o, size_t n, bool link)
{
    enum { MOST = 32 };
    struct client *c = open_client(o, n < MOST ? n : MOST, link);
    c->bulk = bench_alloc(BULK * c->n);
    return c;
}

static void *open_cipher(const struct options *o, size_t n, bool link)
{
    struct client *c = open_bulk(o, n, link);
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM4, .flags = HUFU_KEY_FLAG_SESSION, .usage = HUFU_USAGE_ENCRYPT};
    client_must(hufu_key_generate(c->session, &spec, &c->handle, NULL, NULL), "key generation");
    return c;
}

/* One caller: the threads are the device's. */
static unsigned one_caller(const struct options *o)
{
    (void)o;
    return 1;
}

/* Many callers, whatever threads the device has. */
static unsigned many_callers(const struct options *o)
{
    return o->sessions;
}

#define OPENERS(level, link)                                                                       \
    static void *level##_sm2_batch(const struct options *o, size_t n, unsigned t)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_batch(o, n, link, HUFU_KEY_SM2);                                               \
    }                                                                                              \
    static void *level##_rsa_batch(const struct options *o, size_t n, unsigned t)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_batch(o, n, link, HUFU_KEY_RSA2048);                                           \
    }                                                                                              \
    static void *level##_sm2(const struct options *o, size_t n, unsigned t)                        \
    {                                                                                              \
        (void)t;                                                                                   \
        return with_key(open_client(o, n, link), HUFU_KEY_SM2);                                    \
    }                                                                                              \
    static void *level##_rsa(const struct options *o, size_t n, unsigned t)                        \
    {                                                                                              \
        (void)t;                                                                                   \
        return with_key(open_client(o, n, link), HUFU_KEY_RSA2048);                                \
    }                                                                                              \
    static void *level##_sm2_session(const struct options *o, size_t n, unsigned t)                \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_session(o, n, link, HUFU_KEY_SM2);                                             \
    }                                                                                              \
    static void *level##_rsa_session(const struct options *o, size_t n, unsigned t)                \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_session(o, n, link, HUFU_KEY_RSA2048);                                         \
    }                                                                                              \
    static void *level##_sm2_verify(const struct options *o, size_t n, unsigned t)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_verify(o, n, link, HUFU_KEY_SM2);                                              \
    }                                                                                              \
    static void *level##_sm2_verify_keys(const struct options *o, size_t n, unsigned t)            \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_verify_keys(o, n, link);                                                       \
    }                                                                                              \
    static void *level##_rsa_verify(const struct options *o, size_t n, unsigned t)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_verify(o, n, link, HUFU_KEY_RSA2048);                                          \
    }                                                                                              \
    static void *level##_sm3(const struct options *o, size_t n, unsigned t)                        \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_bulk(o, n, link);                                                              \
    }                                                                                              \
    static void *level##_sm4(const struct options *o, size_t n, unsigned t)                        \
    {                                                                                              \
        (void)t;                                                                                   \
        return open_cipher(o, n, link);                                                            \
    }
OPENERS(device, false)
OPENERS(link, true)

#define CASES(level)                                                                               \
    {#level ".sm2.keygen", "pair",                                                                 \
     {1, 1000, 8000},      {level##_sm2_batch, call_batch, close_client, one_caller},              \
     &work_sm2_keygen,     1,                                                                      \
     KEYGEN_REQUIRED,      1},                                                                     \
        {#level ".sm2.sign",                                                                       \
         "signature",                                                                              \
         {1, 1000, 8000},                                                                          \
         {level##_sm2, call_sign, close_client, one_caller},                                       \
         &work_sm2_sign,                                                                           \
         1,                                                                                        \
         SIGN_REQUIRED_AN_HOUR / 3600.0,                                                           \
         1},                                                                                       \
        {#level ".sm2.sign-sessions",                                                              \
         "signature",                                                                              \
         {1},                                                                                      \
         {level##_sm2_session, call_sign, close_client, many_callers},                             \
         &work_sm2_sign,                                                                           \
         1,                                                                                        \
         SIGN_REQUIRED_AN_HOUR / 3600.0,                                                           \
         2},                                                                                       \
        {#level ".sm2.verify",                                                                     \
         "verification",                                                                           \
         {1, 1000},                                                                                \
         {level##_sm2_verify, call_verify, close_client, one_caller},                              \
         &work_sm2_verify,                                                                         \
         1,                                                                                        \
         0,                                                                                        \
         1},                                                                                       \
        {#level ".sm2.verify-keys",                                                                \
         "verification",                                                                           \
         {1000},                                                                                   \
         {level##_sm2_verify_keys, call_verify, close_client, one_caller},                         \
         &work_sm2_verify,                                                                         \
         1,                                                                                        \
         0,                                                                                        \
         1},                                                                                       \
        {#level ".rsa2048.keygen",                                                                 \
         "pair",                                                                                   \
         {1},                                                                                      \
         {level##_rsa_batch, call_batch, close_client, one_caller},                                \
         &work_rsa2048_keygen,                                                                     \
         1,                                                                                        \
         0,                                                                                        \
         8},                                                                                       \
        {#level ".rsa2048.sign",                                                                   \
         "signature",                                                                              \
         {1, 64},                                                                                  \
         {level##_rsa, call_sign, close_client, one_caller},                                       \
         &work_rsa2048_sign,                                                                       \
         1,                                                                                        \
         SIGN_REQUIRED_AN_HOUR / 3600.0,                                                           \
         1},                                                                                       \
        {#level ".rsa2048.sign-sessions",                                                          \
         "signature",                                                                              \
         {1},                                                                                      \
         {level##_rsa_session, call_sign, close_client, many_callers},                             \
         &work_rsa2048_sign,                                                                       \
         1,                                                                                        \
         SIGN_REQUIRED_AN_HOUR / 3600.0,                                                           \
         2},                                                                                       \
        {#level ".rsa2048.verify",                                                                 \
         "verification",                                                                           \
         {1},                                                                                      \
         {level##_rsa_verify, call_verify, close_client, one_caller},                              \
         &work_rsa2048_verify,                                                                     \
         1,                                                                                        \
         0,                                                                                        \
         1},                                                                                       \
        {#level ".sm3", "MB", {1, 16}, {level##_sm3, call_digest, close_client, one_caller},       \
         &work_sm3,     1,    0,       1},                                                         \
    {                                                                                              \
#level ".sm4", "MB",                                                                       \
            {1, 16 }, {level##_sm4, call_cipher, close_client, one_caller }, &work_sm4, 1, 0, 1    \
    }

const struct bench_case device_cases[] = {CASES(device), {0}};
const struct bench_case link_cases[] = {CASES(link),
                                        {"link.sm2.sign-clients",
                                         "signature",
                                         {1},
                                         {link_sm2_herd, herd_call, herd_close, one_caller},
                                         &work_sm2_sign,
                                         1,
                                         SIGN_REQUIRED_AN_HOUR / 3600.0,
                                         2},
                                        {"link.sm2.verify-clients",
                                         "verification",
                                         {1},
                                         {link_sm2_verify_herd, herd_call, herd_close, one_caller},
                                         &work_sm2_verify,
                                         1,
                                         0,
                                         2},
                                        {"link.rsa2048.sign-clients",
                                         "signature",
                                         {1},
                                         {link_rsa_herd, herd_call, herd_close, one_caller},
                                         &work_rsa2048_sign,
                                         1,
                                         SIGN_REQUIRED_AN_HOUR / 3600.0,
                                         2},
                                        {0}};
