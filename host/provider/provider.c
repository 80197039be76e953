/* The way in: OpenSSL loads build/hufu.so and calls OSSL_provider_init. */
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#include "host/provider/provider.h"

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return prov_keymgmt;
    case OSSL_OP_SIGNATURE:
        return prov_signature;
    case OSSL_OP_ASYM_CIPHER:
        return prov_asym_cipher;
    case OSSL_OP_KEYEXCH:
        return prov_keyexch;
    case OSSL_OP_STORE:
        return prov_store;
    case OSSL_OP_ENCODER:
        return prov_encoder;
    case OSSL_OP_DECODER:
        return prov_decoder;
    case OSSL_OP_RAND:
        return prov_rand;
    default:
        return NULL;
    }
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
                                      OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
                                      OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
                                      OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL), OSSL_PARAM_END};
    (void)provctx;
    return list;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
    static const struct {
        const char *name, *value;
    } texts[] = {{OSSL_PROV_PARAM_NAME, "Hufu keys"},
                 {OSSL_PROV_PARAM_VERSION, HUFU_VERSION},
                 {OSSL_PROV_PARAM_BUILDINFO, HUFU_VERSION}};
    (void)provctx;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        OSSL_PARAM *p = OSSL_PARAM_locate(params, texts[i].name);
        if (p && !OSSL_PARAM_set_utf8_ptr(p, texts[i].value))
            return 0;
    }
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    return !p || OSSL_PARAM_set_int(p, 1);
}

static void teardown(void *provctx)
{
    struct prov *prov = provctx;
    link_drop(prov);
    if (prov->usual)
        OSSL_PROVIDER_unload(prov->usual);
    OSSL_LIB_CTX_free(prov->libctx);
    OPENSSL_free(prov->device);
    OPENSSL_free(prov->pin_file);
    OPENSSL_free(prov->account);
    OPENSSL_free(prov->distid);
    OPENSSL_clear_free(prov, sizeof *prov);
}

static const OSSL_DISPATCH dispatch[] = {ENTRY(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
                                         ENTRY(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable_params),
                                         ENTRY(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),
                                         ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
                                         ENTRY(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, prov_reasons),
                                         ENTRY_END};

/*
 * What the environment says, else the section of the configuration file. Now and not later: servers
 * clear the environment of their workers.
 */
static int configure(struct prov *prov, OSSL_FUNC_core_get_params_fn *core_get_params)
{
    static const struct {
        const char *name, *variable;
    } settings[] = {{"device", "HUFU_DEVICE"},
                    {"pin-file", "HUFU_PIN_FILE"},
                    {"account", "HUFU_ACCOUNT"},
                    {"distid", "HUFU_DISTID"}};
    char **const to[] = {&prov->device, &prov->pin_file, &prov->account, &prov->distid};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char *value = getenv(settings[i].variable);
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_ptr(settings[i].name, &value, 0),
                               OSSL_PARAM_construct_end()};
        if (!value && (!core_get_params || !core_get_params(prov->handle, params)))
            continue;
        if (value && !(*to[i] = OPENSSL_strdup(value)))
            return 0;
    }
    return 1;
}

static OSSL_FUNC_core_get_params_fn *take_core(struct prov *prov, const OSSL_DISPATCH *in)
{
    OSSL_FUNC_core_get_params_fn *core_get_params = NULL;
    for (; in->function_id; in++)
        switch (in->function_id) {
        case OSSL_FUNC_CORE_GET_PARAMS:
            core_get_params = OSSL_FUNC_core_get_params(in);
            break;
        case OSSL_FUNC_CORE_NEW_ERROR:
            prov->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            prov->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            prov->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        default:
            break;
        }
    return core_get_params;
}

HUFU_API OSSL_provider_init_fn OSSL_provider_init;
int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **provctx)
{
    struct prov *prov = OPENSSL_zalloc(sizeof *prov);
    if (!prov)
        return 0;
    prov->handle = handle;
    OSSL_FUNC_core_get_params_fn *core_get_params = take_core(prov, in);
    /* of its own: an application's properties and random numbers are not ours to ask for */
    prov->libctx = OSSL_LIB_CTX_new_from_dispatch(handle, in);
    if (prov->libctx)
        prov->usual = OSSL_PROVIDER_load(prov->libctx, "default");
    if (!prov->usual || !configure(prov, core_get_params)) {
        teardown(prov);
        return 0;
    }
    *provctx = prov;
    *out = dispatch;
    return 1;
}
