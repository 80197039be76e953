/*
 * An image that counts: what the arithmetic of the portable engine takes on a board of QEMU, in
 * ticks of the board's clock. It is the firmware's crypto alone, without store and commands, so
 * that it can be compared with libraries for small parts.
 */
#include "firmware/crypto/engine.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"
#include "firmware/ports/qemu/board.h"
#include "firmware/ports/qemu/main.h"
#include "firmware/ports/qemu/meter.h"
#include "firmware/ports/qemu/uart.h"

enum { MANY = 16, MESSAGE = 4096 };

static uint8_t scratch[16384] __attribute__((aligned(64)));
static uint8_t k[MANY][32], pub[MANY][64], e[MANY][32], sig[MANY][64], ok[MANY];
static struct sm2_sign_key key;
static uint64_t begun;

/* Numbers that no one depends on: SM3 of a counter. */
static void fill(void *out, size_t n)
{
    static uint32_t counter;
    uint8_t *at = out, digest[32];
    while (n) {
        const size_t part = n < sizeof digest ? n : sizeof digest;
        counter++;
        sm3_digest(&counter, sizeof counter, digest);
        for (size_t i = 0; i < part; i++)
            *at++ = digest[i];
        n -= part;
    }
}

static void begin(void)
{
    meter_paint();
    begun = board_ticks();
}

static void end(const char *what, unsigned units)
{
    const uint64_t ticks = board_ticks() - begun;
    uart_text(what);
    uart_text(" ticks ");
    uart_number(ticks);
    uart_text(" units ");
    uart_number(units);
    uart_text(" stack ");
    uart_number(meter_stack());
    uart_text("\n");
}

static int all_good(size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ok[i])
            return 0;
    return 1;
}

static int sm2_figures(const struct sm2_ops *ops, size_t n, const char *const names[3])
{
    const struct sm2_sign_key *keys[MANY];
    const uint8_t *pubs[MANY];
    int good = ops->scratch(n) <= sizeof scratch;
    fill(k, sizeof k);
    fill(e, sizeof e);
    begin();
    if (good)
        ops->keygen(n, k, pub, ok, scratch);
    end(names[0], (unsigned)n);
    good = good && all_good(n) && sm2_sign_key(&key, k[0]) == 0;
    for (size_t i = 0; i < n; i++) {
        keys[i] = &key;
        pubs[i] = pub[0];
    }
    fill(k, sizeof k);
    begin();
    if (good)
        ops->sign(n, keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])k, sig, ok, scratch);
    end(names[1], (unsigned)n);
    good = good && all_good(n);
    begin();
    if (good)
        ops->verify(n, pubs, (const uint8_t(*)[32])e, (const uint8_t(*)[64])sig, ok, scratch);
    end(names[2], (unsigned)n);
    return good && all_good(n);
}

static int sm3_figure(void)
{
    static uint8_t message[MESSAGE], digest[32];
    begin();
    sm3_digest(message, sizeof message, digest);
    end("SM3 a byte", MESSAGE);
    return 1;
}

unsigned image_main(void)
{
    static const char *const alone[3] = {"SM2 key pair", "SM2 signature", "SM2 verification"};
    static const char *const many[3] = {"SM2 key pair of 16", "SM2 signature of 16",
                                        "SM2 verification of 16"};
    const struct engine *portable = engine_at(0);
    board_open();
    const int good = sm2_figures(portable->sm2, 1, alone) &&
                     sm2_figures(portable->sm2, MANY, many) && sm3_figure();
    uart_text(good ? "done\n" : "FAILED\n");
    return good ? EXIT_DONE : EXIT_SETUP;
}
