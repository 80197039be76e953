/*
 * The device's end of a secure channel whose keys the target knows. Input: steps, each a byte: 0, a
 * command of the input sealed well (session u16, INS, size u8, data); 1, the last record again; 2,
 * one of INFO with a byte changed (place u8, change u8); 3, the input's bytes as a record (size
 * u8); 4, in clear, one of the commands that open channels (which u8, size u8, data). Whatever is
 * not the next record ends the channel, its sessions, and the input; what is, is answered in the
 * channel.
 */
#include <string.h>

#include "firmware/app/core.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_dev.h"
#include "tests/lib/sealed.h"

enum { STEPS_MAX = 24 };

static struct dev dev;
static struct sealed channel;
static struct moment opened;

static void prepare(void)
{
    small_device(&dev, 4, 1);
    dev_init(&dev, 0);
    sealed_open(&dev, &channel, NULL);
    sealed_use(&dev, &channel);
    dev_login(&dev, DEV_USER);
    sealed_use(&dev, NULL);
    random_state = 7;
    moment_save(&opened, &dev);
}

static uint8_t record[512];
static size_t record_size;

static uint16_t send(const uint8_t *data, size_t n)
{
    return dev_call(&dev, channel.number, INS_CHANNEL_SEALED, data, n);
}

static bool alive(void)
{
    return channel_find(&dev.d->channels, dev.link, channel.number) != NULL;
}

static void refused(const uint8_t *data, size_t n)
{
    const uint64_t logged = dev.d->audit.next;
    REQUIRE(send(data, n) == SW_CHANNEL_BROKEN);
    REQUIRE(dev.response_size == 0);
    REQUIRE(!alive());
    REQUIRE(dev.d->sessions.open == 0);
    REQUIRE(dev.d->audit.next <= logged + 1);
}

static void sealed_well(struct rd *r)
{
    const uint16_t session = rd_u16(r);
    const uint8_t ins = rd_u8(r), n = rd_u8(r);
    const uint8_t *data = rd_bytes(r, n);
    const bool slow =
        ins == INS_SELFTEST || ins == INS_KEY_GENERATE || ins == INS_KEY_BATCH || ins == INS_UNLOCK;
    if (r->bad || slow)
        return;
    const uint32_t counter = channel.counter;
    record_size = sealed_put(&channel, 0, session, ins, data, n, record);
    const uint16_t sw = send(record, record_size);
    REQUIRE(sw == SW_OK || sw == SW_CHANNEL_BROKEN || sw == SW_DEVICE_FAILED);
    if (sw == SW_OK)
        sealed_get(&channel, counter, dev.response, &dev.response_size);
}

static void changed(struct rd *r)
{
    const uint8_t place = rd_u8(r), change = rd_u8(r);
    if (!change)
        return;
    record_size = sealed_put(&channel, 0, 0, INS_INFO, NULL, 0, record);
    record[place % record_size] ^= change;
    refused(record, record_size);
}

static void as_it_comes(struct rd *r, bool clear)
{
    const uint8_t ins = clear ? (uint8_t)(INS_CHANNEL_KEY + 2 * (rd_u8(r) & 3)) : 0;
    const uint8_t n = rd_u8(r), *data = rd_bytes(r, n);
    if (r->bad)
        return;
    if (!clear)
        refused(data, n);
    else if (dev_call(&dev, 0, ins, data, n) != SW_OK)
        REQUIRE(dev.response_size == 0);
}

static void device_end(struct rd *r)
{
    const struct sealed first = channel;
    moment_restore(&opened, &dev);
    record_size = 0;
    for (unsigned i = 0; i < STEPS_MAX && rd_left(r) && alive(); i++) {
        switch (rd_u8(r) % 5) {
        case 0:
            sealed_well(r);
            break;
        case 1:
            if (record_size)
                refused(record, record_size);
            break;
        case 2:
            changed(r);
            break;
        case 3:
            as_it_comes(r, false);
            break;
        default:
            as_it_comes(r, true);
        }
        REQUIRE(device_state(dev.d) != STATE_FAILED);
    }
    channel = first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r;
    if (!opened.memory)
        prepare();
    rd_init(&r, data, size);
    device_end(&r);
    return 0;
}
