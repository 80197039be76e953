#include "firmware/app/ticket.h"

struct ticket *ticket_free(const struct tickets *t)
{
    for (size_t i = 0; i < t->max; i++)
        if (!t->table[i].number)
            return &t->table[i];
    return NULL;
}

struct ticket *ticket_find(const struct tickets *t, uint8_t account, uint16_t channel,
                           uint64_t number)
{
    struct ticket *oldest[2] = {NULL, NULL}; /* of the channel, without a channel */
    for (size_t i = 0; i < t->max; i++) {
        struct ticket *one = &t->table[i];
        if (!one->number || one->account != account)
            continue;
        if (number && one->number == number)
            return one;
        if (one->channel && one->channel != channel)
            continue;
        struct ticket **best = &oldest[one->channel == 0];
        if (!*best || one->age < (*best)->age)
            *best = one;
    }
    if (number)
        return NULL;
    return oldest[0] ? oldest[0] : oldest[1];
}

void ticket_forget(struct ticket *one)
{
    one->size = 0; /* the keys in it are sealed: nothing to wipe */
    one->number = 0;
}

void tickets_orphan(struct tickets *t, uint16_t channel)
{
    for (size_t i = 0; i < t->max; i++)
        if (t->table[i].channel == channel)
            t->table[i].channel = 0;
}

void tickets_drop_account(struct tickets *t, uint8_t account)
{
    for (size_t i = 0; i < t->max; i++)
        if (t->table[i].number && t->table[i].account == account)
            ticket_forget(&t->table[i]);
}

void tickets_drop(struct tickets *t)
{
    for (size_t i = 0; i < t->max; i++)
        if (t->table[i].number)
            ticket_forget(&t->table[i]);
}
