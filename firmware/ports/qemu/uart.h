/* The UART of the board, for people: what the image says at boot and when it gives up. */
#ifndef HUFU_PORT_QEMU_UART_H
#define HUFU_PORT_QEMU_UART_H

#include <stddef.h>
#include <stdint.h>

void uart_bytes(const void *text, size_t n);
void uart_text(const char *text);
void uart_number(uint64_t x); /* decimal */

#endif
