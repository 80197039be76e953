#include "firmware/ports/mps2/uart.h"

#include "firmware/ports/mps2/board.h"

enum { STATE_TX_FULL = 1, CTRL_TX = 1, BAUD_DIVIDER = 16 /* the least */ };

struct registers {
    volatile uint32_t data, state, control, interrupt, divider;
};

static struct registers *uart(void)
{
    return (struct registers *)(uintptr_t)BOARD_UART;
}

void uart_open(void)
{
    uart()->divider = BAUD_DIVIDER;
    uart()->control = CTRL_TX;
}

void uart_bytes(const void *text, size_t n)
{
    for (const uint8_t *at = text; n--; at++) {
        while (uart()->state & STATE_TX_FULL)
            ;
        uart()->data = *at;
    }
}

void uart_text(const char *text)
{
    for (; *text; text++)
        uart_bytes(text, 1);
}

void uart_number(uint64_t x)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + x % 10);
    while (x /= 10);
    uart_bytes(digits + at, sizeof digits - at);
}
