/* A reader whose card is the firmware in this process. It is always there. */
#include "host/lib/reader.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "firmware/app/card.h"
#include "host/lib/inproc_device.h"

struct inproc_reader {
    struct reader base;
    struct inproc_device own;
    void *card_memory;
    struct card *card;
    int event;
    pthread_mutex_t lock;
};

static void inproc_close(struct reader *r)
{
    struct inproc_reader *p = (struct inproc_reader *)r;
    if (p->card)
        card_remove(p->card);
    if (p->card_memory)
        wipe(p->card_memory, card_memory(APDU_LC_MAX));
    free(p->card_memory);
    inproc_device_close(&p->own);
    if (p->event >= 0)
        close(p->event);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct reader *inproc_open(const char *directory)
{
    const struct hufu_options none = {0};
    struct inproc_reader *p = calloc(1, sizeof *p);
    if (!p) {
        fail_with(HUFU_E_MEMORY, "inproc: no memory for a reader");
        return NULL;
    }
    p->base.ops = &reader_inproc;
    pthread_mutex_init(&p->lock, NULL);
    p->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->card_memory = aligned_alloc(16, (card_memory(APDU_LC_MAX) + 15) & ~(size_t)15);
    if (p->event < 0 || !p->card_memory)
        fail_with(HUFU_E_MEMORY, "inproc: no memory for a reader");
    else if (!inproc_device_open(&p->own, directory, &none))
        p->card = card_create(p->card_memory, APDU_LC_MAX, p->own.device);
    if (p->card)
        return &p->base;
    inproc_close(&p->base);
    return NULL;
}

static bool inproc_present(struct reader *r)
{
    (void)r;
    return true;
}

static enum reader_result inproc_reset(struct reader *r)
{
    struct inproc_reader *p = (struct inproc_reader *)r;
    uint8_t atr[CARD_ATR_MAX];
    pthread_mutex_lock(&p->lock);
    card_reset(p->card, atr);
    pthread_mutex_unlock(&p->lock);
    return READER_OK;
}

static enum reader_result inproc_exchange(struct reader *r, const uint8_t *apdu, size_t n,
                                          uint8_t *response, size_t *size)
{
    struct inproc_reader *p = (struct inproc_reader *)r;
    pthread_mutex_lock(&p->lock);
    *size = card_exchange(p->card, apdu, n, response, *size);
    pthread_mutex_unlock(&p->lock);
    return READER_OK;
}

static void inproc_wait(struct reader *r, int timeout_ms)
{
    struct inproc_reader *p = (struct inproc_reader *)r;
    struct pollfd event = {p->event, POLLIN, 0};
    eventfd_t count;
    if (poll(&event, 1, timeout_ms) > 0)
        eventfd_read(p->event, &count);
}

static void inproc_wake(struct reader *r)
{
    eventfd_write(((struct inproc_reader *)r)->event, 1);
}

const struct reader_ops reader_inproc = {"inproc",       inproc_open,  inproc_close,
                                         inproc_present, inproc_reset, inproc_exchange,
                                         inproc_wait,    inproc_wake};
