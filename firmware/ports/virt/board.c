/* The RISC-V machine "virt" of QEMU with one RV32IMAC hart in machine mode. */
#include "firmware/ports/qemu/board.h"

#include <stddef.h>

const char board_name[] = "virt-rv32";

static uint64_t opened;

/* UART 0 (NS16550A) needs no setting up in the emulator. */
enum { LSR_THR_EMPTY = 0x20 };
struct uart {
    volatile uint8_t data, interrupt, fifo, line, modem, state;
};
#define UART ((struct uart *)(uintptr_t)0x10000000u)

void board_put(uint8_t byte)
{
    while (!(UART->state & LSR_THR_EMPTY))
        ;
    UART->data = byte;
}

/* The machine has only the one. */
int board_wire_open(void)
{
    return -1;
}

uint8_t board_wire_get(void)
{
    return 0;
}

void board_wire_put(uint8_t byte)
{
    (void)byte;
}

/* Instructions, with "-icount shift=0"; the high half must be the same before and after. */
static uint64_t instructions(void)
{
    uint32_t high, low, again;
    do {
        __asm__ volatile("csrr %0, minstreth" : "=r"(high));
        __asm__ volatile("csrr %0, minstret" : "=r"(low));
        __asm__ volatile("csrr %0, minstreth" : "=r"(again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

void board_open(void)
{
    __asm__ volatile("csrw mcountinhibit, zero");
    opened = instructions();
}

uint64_t board_ticks(void)
{
    return instructions() - opened;
}

/* The three instructions, uncompressed and in one page, are what the debugger knows the call by. */
int board_semihost(unsigned operation, const void *block)
{
    register unsigned a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = block;
    __asm__ volatile(".balign 16\n"
                     ".option push\n"
                     ".option norvc\n"
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return (int)a0;
}

/*
 * The stack lies at the bottom of the RAM: below it is nothing, and running out of it is a fault.
 * The handler of that starts at the top again: nothing of the image runs after it.
 */
void start(void); /* the entry point of the linker script */
__attribute__((naked, section(".vectors"))) void start(void)
{
    __asm__ volatile("la sp, stack_top\n"
                     "la t0, fault\n"
                     "csrw mtvec, t0\n"
                     "tail board_run\n"
                     ".balign 4\n"
                     "fault:\n"
                     "la sp, stack_top\n"
                     "tail board_fault");
}
