#include "firmware/app/session.h"

#include "firmware/base/wipe.h"

#include <string.h>

/*
 * Channel numbers count up and skip those whose place is taken: finding a session is one look, and
 * a number comes back only after all others have been tried.
 */
struct session *session_open(struct sessions *s, uint32_t link, uint16_t secure)
{
    if (s->open >= s->max)
        return NULL;
    struct session *one;
    do {
        if (++s->last_channel == 0)
            s->last_channel = 1;
        one = &s->table[s->last_channel % s->max];
    } while (one->channel);
    memset(one, 0, sizeof *one);
    one->link = link;
    one->secure = secure;
    one->channel = s->last_channel;
    s->open++;
    return one;
}

struct session *session_find(const struct sessions *s, uint32_t link, uint16_t secure,
                             uint16_t channel)
{
    struct session *one = &s->table[channel % s->max];
    const bool mine = one->link == link && one->secure == secure;
    return channel && one->channel == channel && mine ? one : NULL;
}

void session_close(struct sessions *s, struct session *one)
{
    wipe(one, sizeof *one);
    s->open--;
}

void session_logout(struct session *one)
{
    one->account = one->role = 0;
    one->hashing = one->agreeing = false;
    wipe(&one->hash, sizeof one->hash);
    wipe(one->agree_secret, sizeof one->agree_secret);
    wipe(&one->approval, sizeof one->approval);
    wipe(one->keys, sizeof one->keys);
}

struct session_key *session_key_new(struct session *one)
{
    for (size_t i = 0; i < LIMIT_SESSION_KEYS_MAX; i++) {
        if (one->keys[i].handle)
            continue;
        one->keys_made = (one->keys_made + 1) & ~SESSION_HANDLE;
        one->keys_made += one->keys_made == 0;
        one->keys[i].handle = SESSION_HANDLE | one->keys_made;
        return &one->keys[i];
    }
    return NULL;
}

struct session_key *session_key_find(struct session *one, uint32_t handle)
{
    for (size_t i = 0; handle && i < LIMIT_SESSION_KEYS_MAX; i++)
        if (one->keys[i].handle == handle)
            return &one->keys[i];
    return NULL;
}
