#include "host/lib/module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "host/lib/lib.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static enum hufu_status load(struct module *m, const char *scheme, const char *address)
{
    void *const handle = dlopen(m->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return fail_with(HUFU_E_OPEN, "%s:%s: %s cannot be loaded: install the package %s", scheme,
                         address, m->file, m->package);
    for (size_t i = 0; i < m->count; i++) {
        void *const f = dlsym(handle, m->names[i]);
        if (!f) {
            dlclose(handle);
            return fail_with(HUFU_E_OPEN, "%s:%s: %s has no %s: install a newer %s", scheme,
                             address, m->file, m->names[i], m->package);
        }
        memcpy((char *)m->table + i * sizeof f, &f, sizeof f);
    }
    m->loaded = true;
    return HUFU_OK;
}

enum hufu_status module_need(struct module *m, const char *scheme, const char *address)
{
    pthread_mutex_lock(&lock);
    const enum hufu_status s = m->loaded ? HUFU_OK : load(m, scheme, address);
    pthread_mutex_unlock(&lock);
    return s;
}

enum hufu_status module_absent(const char *scheme, const char *address, const char *dev_package)
{
    return fail_with(HUFU_E_OPEN,
                     "%s:%s: this libhufu was built without such links: install the package %s and "
                     "build it again",
                     scheme, address, dev_package);
}
