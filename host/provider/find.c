/* Finding keys and certificates of the device by their URI. */
#include <openssl/crypto.h>
#include <string.h>

#include "host/provider/provider.h"

struct search {
    struct prov *prov;
    const struct uri *uri;
    unsigned want;
    struct found_list *list;
    struct hufu_session *session;
    enum hufu_status status;
};

static enum hufu_status read_certificate(struct hufu_session *session, uint32_t handle,
                                         struct found *found)
{
    found->der_size = HUFU_VALUE_MAX;
    found->der = OPENSSL_malloc(found->der_size);
    return found->der ? hufu_object_read(session, handle, NULL, NULL, found->der, &found->der_size)
                      : HUFU_E_MEMORY;
}

/* Nothing is found when it is not what is wanted. */
static enum hufu_status take(const struct search *s, const struct hufu_object *object,
                             struct found *found)
{
    enum family family;
    if (s->want & WANT_CERTIFICATE && object->type == HUFU_KEY_CERTIFICATE)
        return read_certificate(s->session, object->handle, found);
    if (!(s->want & (WANT_PRIVATE | WANT_PUBLIC)) || !family_of(object->type, &family))
        return HUFU_OK;
    found->key = key_of_object(s->prov, object, link_serial(s->session), !(s->want & WANT_PRIVATE));
    return found->key ? HUFU_OK : HUFU_E_FORMAT;
}

static enum hufu_status add(struct search *s, uint32_t handle)
{
    struct hufu_object object;
    struct found_list *l = s->list;
    struct found *more = OPENSSL_realloc(l->item, (l->n + 1) * sizeof *more);
    if (!more)
        return HUFU_E_MEMORY;
    l->item = more;
    memset(&more[l->n], 0, sizeof *more);
    enum hufu_status status = hufu_object_info(s->session, handle, &object);
    if (!status)
        status = take(s, &object, &more[l->n]);
    if (status)
        OPENSSL_free(more[l->n].der);
    else
        l->n += more[l->n].key || more[l->n].der;
    return status == HUFU_E_NO_OBJECT ? HUFU_OK : status; /* destroyed meanwhile */
}

static int each(void *context, const struct hufu_object *object)
{
    struct search *s = context;
    s->status = add(s, object->handle);
    return s->status != HUFU_OK;
}

static enum hufu_status search(struct hufu_session *session, void *arg)
{
    struct search *s = arg;
    struct hufu_info info;
    enum hufu_status status = HUFU_OK;
    uint32_t handle = 0;
    s->session = session;
    found_free(s->list);
    if (!link_is(session, s->uri, &info))
        return HUFU_OK;
    if (!s->uri->has_label && !s->uri->has_id) {
        status = hufu_object_list(session, 0, each, s);
        return status == HUFU_E_STOPPED ? s->status : status;
    }
    while (!status) {
        status = hufu_object_find(session, handle, s->uri->has_label ? s->uri->label : NULL,
                                  s->uri->has_id ? s->uri->id : NULL, s->uri->id_size, &handle);
        if (status == HUFU_E_NO_OBJECT)
            return HUFU_OK;
        if (!status)
            status = add(s, handle);
    }
    return status;
}

int find(struct prov *prov, const struct uri *uri, const struct pin_hint *hint, unsigned want,
         struct found_list *list)
{
    struct search s = {prov, uri, want, list, NULL, HUFU_OK};
    memset(list, 0, sizeof *list);
    /* what everybody may see needs no PIN */
    int done = want & WANT_PRIVATE || link_run_public(prov, hint, search, &s);
    if (done && !list->n)
        done = link_run(prov, hint, NULL, false, search, &s);
    if (!done)
        found_free(list);
    return done;
}

void found_free(struct found_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        key_free(list->item[i].key);
        OPENSSL_free(list->item[i].der);
    }
    OPENSSL_free(list->item);
    memset(list, 0, sizeof *list);
}
