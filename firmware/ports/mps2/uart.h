/* UART 0 of the board (CMSDK), for people: what the image says at boot and when it gives up. */
#ifndef HUFU_PORT_MPS2_UART_H
#define HUFU_PORT_MPS2_UART_H

#include <stddef.h>
#include <stdint.h>

void uart_open(void);
void uart_bytes(const void *text, size_t n);
void uart_text(const char *text);
void uart_number(uint64_t x); /* decimal */

#endif
