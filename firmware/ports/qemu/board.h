/* What the boards differ in; each has it in a board.c of its own. */
#ifndef HUFU_PORT_QEMU_BOARD_H
#define HUFU_PORT_QEMU_BOARD_H

#include <stdint.h>

extern const char board_name[];

void board_open(void); /* UART and clock */
void board_put(uint8_t byte);
/* A second UART for frames, both ways. -1: the board has none. */
int board_wire_open(void);
uint8_t board_wire_get(void); /* waits */
void board_wire_put(uint8_t byte);
/* Of the processor's clock, since board_open. */
uint64_t board_ticks(void);
/* The call to the debugger (semihosting) with its operation and block of arguments. */
int board_semihost(unsigned operation, const void *block);

/* Give the image its memory as C wants it, run it, end QEMU with its status. */
_Noreturn void board_run(void);
/* The processor has stopped the image. */
_Noreturn void board_fault(void);

#endif
