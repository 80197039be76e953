/* Making keys in the device. */
#ifndef HUFU_HOST_PROVIDER_KEYGEN_H
#define HUFU_HOST_PROVIDER_KEYGEN_H

#include "host/provider/provider.h"

void *keygen_new(struct prov *prov, enum family family, int selection, const OSSL_PARAM params[]);
int keygen_set(void *gen, const OSSL_PARAM params[]);
const OSSL_PARAM *keygen_settable(void *gen, void *provctx);
void *keygen_run(void *gen, OSSL_CALLBACK *progress, void *arg);
void keygen_free(void *gen);

#endif
