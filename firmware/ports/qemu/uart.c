#include "firmware/ports/qemu/uart.h"

#include "firmware/ports/qemu/board.h"

void uart_bytes(const void *text, size_t n)
{
    for (const uint8_t *at = text; n--; at++)
        board_put(*at);
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
