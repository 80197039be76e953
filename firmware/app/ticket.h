/*
 * Tickets: the answers of key batches, kept until the host says that they are safe there. They
 * belong to an account, and to the session that made or fetched them as long as it lasts.
 */
#ifndef HUFU_APP_TICKET_H
#define HUFU_APP_TICKET_H

#include <stddef.h>
#include <stdint.h>

struct ticket {
    uint64_t number; /* 0: free; never guessed: random */
    uint64_t age;    /* counts up with each ticket */
    uint8_t account;
    uint16_t channel; /* of its session; 0: that session has ended */
    size_t size;
    uint8_t *answer; /* the bytes of the response */
};

struct tickets {
    struct ticket *table;
    uint16_t max;
    uint64_t made;
};

/* A free place; NULL: all are taken. */
struct ticket *ticket_free(const struct tickets *t);
/* number 0: the oldest of the channel, else of those without one. NULL: none */
struct ticket *ticket_find(const struct tickets *t, uint8_t account, uint16_t channel,
                           uint64_t number);
void ticket_forget(struct ticket *one);
/* The session has ended; the account is gone; everything goes. */
void tickets_orphan(struct tickets *t, uint16_t channel);
void tickets_drop_account(struct tickets *t, uint8_t account);
void tickets_drop(struct tickets *t);

#endif
