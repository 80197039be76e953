/* Random numbers of the device, as a generator and as a seed for others: HUFU-RAND. */
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "host/provider/provider.h"

enum { STRENGTH = 256, REQUEST_MAX = 65536 };

struct rand {
    struct prov *prov;
    int state;
};

static void *rand_new(void *provctx, void *parent, const OSSL_DISPATCH *parent_calls)
{
    struct rand *r = OPENSSL_zalloc(sizeof *r);
    (void)parent; /* the device asks nobody */
    (void)parent_calls;
    if (r) {
        r->prov = provctx;
        r->state = EVP_RAND_STATE_UNINITIALISED;
    }
    return r;
}

static void rand_free(void *rand)
{
    OPENSSL_free(rand);
}

static int rand_instantiate(void *rand, unsigned strength, int prediction_resistance,
                            const unsigned char *personal, size_t personal_size,
                            const OSSL_PARAM params[])
{
    struct rand *r = rand;
    (void)prediction_resistance;
    (void)personal;
    (void)personal_size;
    (void)params;
    if (strength > STRENGTH)
        return 0;
    r->state = EVP_RAND_STATE_READY;
    return 1;
}

static int rand_uninstantiate(void *rand)
{
    struct rand *r = rand;
    r->state = EVP_RAND_STATE_UNINITIALISED;
    return 1;
}

struct wish {
    unsigned char *out;
    size_t n;
};

static enum hufu_status fetch(struct hufu_device *device, void *arg)
{
    const struct wish *w = arg;
    return hufu_random(device, w->out, w->n);
}

static int rand_generate(void *rand, unsigned char *out, size_t n, unsigned strength,
                         int prediction_resistance, const unsigned char *more, size_t more_size)
{
    struct rand *r = rand;
    struct wish w = {out, n};
    (void)prediction_resistance;
    (void)more;
    (void)more_size;
    return r->state == EVP_RAND_STATE_READY && strength <= STRENGTH &&
           link_run_device(r->prov, fetch, &w);
}

static size_t rand_get_seed(void *rand, unsigned char **out, int entropy, size_t least, size_t most,
                            int prediction_resistance, const unsigned char *more, size_t more_size)
{
    size_t n = (size_t)(entropy > 0 ? (entropy + 7) / 8 : 0);
    n = n < least ? least : n;
    if (n > most)
        return 0;
    *out = OPENSSL_secure_malloc(n ? n : 1);
    if (*out && rand_generate(rand, *out, n, 0, prediction_resistance, more, more_size))
        return n;
    OPENSSL_secure_clear_free(*out, n);
    *out = NULL;
    return 0;
}

static void rand_clear_seed(void *rand, unsigned char *seed, size_t n)
{
    (void)rand;
    OPENSSL_secure_clear_free(seed, n);
}

/* Nothing here changes while it is used. */
static int rand_lock(void *rand)
{
    (void)rand;
    return 1;
}

static void rand_unlock(void *rand)
{
    (void)rand;
}

static const OSSL_PARAM *rand_gettable(void *rand, void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
                                      OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
                                      OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
                                      OSSL_PARAM_END};
    (void)rand;
    (void)provctx;
    return list;
}

static int rand_get(void *rand, OSSL_PARAM params[])
{
    const struct rand *r = rand;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
    if (p && !OSSL_PARAM_set_int(p, r->state))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    if (p && !OSSL_PARAM_set_uint(p, STRENGTH))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
    return !p || OSSL_PARAM_set_size_t(p, REQUEST_MAX);
}

static const OSSL_DISPATCH rand_table[] = {ENTRY(OSSL_FUNC_RAND_NEWCTX, rand_new),
                                           ENTRY(OSSL_FUNC_RAND_FREECTX, rand_free),
                                           ENTRY(OSSL_FUNC_RAND_INSTANTIATE, rand_instantiate),
                                           ENTRY(OSSL_FUNC_RAND_UNINSTANTIATE, rand_uninstantiate),
                                           ENTRY(OSSL_FUNC_RAND_GENERATE, rand_generate),
                                           ENTRY(OSSL_FUNC_RAND_GET_SEED, rand_get_seed),
                                           ENTRY(OSSL_FUNC_RAND_CLEAR_SEED, rand_clear_seed),
                                           ENTRY(OSSL_FUNC_RAND_ENABLE_LOCKING, rand_lock),
                                           ENTRY(OSSL_FUNC_RAND_LOCK, rand_lock),
                                           ENTRY(OSSL_FUNC_RAND_UNLOCK, rand_unlock),
                                           ENTRY(OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, rand_gettable),
                                           ENTRY(OSSL_FUNC_RAND_GET_CTX_PARAMS, rand_get),
                                           ENTRY_END};

const OSSL_ALGORITHM prov_rand[] = {
    {"HUFU-RAND", "provider=hufu", rand_table, "the generator of a Hufu"},
    {NULL, NULL, NULL, NULL}};
