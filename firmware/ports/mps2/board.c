/* MPS2 with the images AN385 (Cortex-M3) and AN505 (Cortex-M33). */
#include "firmware/ports/qemu/board.h"

#include <stddef.h>

#if defined(__ARM_ARCH_7M__)
const char board_name[] = "mps2-an385";
#define UART    ((struct uart *)(uintptr_t)0x40004000u)
#elif defined(__ARM_ARCH_8M_MAIN__)
const char board_name[] = "mps2-an505";
#define UART    ((struct uart *)(uintptr_t)0x50200000u) /* the secure alias: all of the image is secure */
#else
#error "neither board of this port"
#endif
#define SYSTICK ((struct systick *)(uintptr_t)0xE000E010u)

/* UART 0 (CMSDK) */
enum { STATE_TX_FULL = 1, CTRL_TX = 1, BAUD_DIVIDER = 16 /* the least */ };
struct uart {
    volatile uint32_t data, state, control, interrupt, divider;
};

/* SysTick: an instruction takes a nanosecond under "-icount shift=0", a tick 40 or 50. */
enum { ENABLE = 7 /* with interrupt, from the processor's clock */, FULL = 0xFFFFFF };
struct systick {
    volatile uint32_t control, reload, value;
};
static volatile uint32_t wraps;

void board_open(void)
{
    UART->divider = BAUD_DIVIDER;
    UART->control = CTRL_TX;
    SYSTICK->reload = FULL;
    SYSTICK->value = 0;
    SYSTICK->control = ENABLE;
}

void board_put(uint8_t byte)
{
    while (UART->state & STATE_TX_FULL)
        ;
    UART->data = byte;
}

static void tick(void)
{
    wraps++;
}

/* It counts down; a wrap between the two readings shows in the count of wraps. */
uint64_t board_ticks(void)
{
    uint32_t before, value;
    do {
        before = wraps;
        value = SYSTICK->value;
    } while (before != wraps);
    return ((uint64_t)before + 1) * (FULL + 1) - value;
}

/* The debugger reads and writes memory behind the compiler's back. */
int board_semihost(unsigned operation, const void *block)
{
    register unsigned r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int)r0;
}

void start(void); /* the entry point of the linker script */
void start(void)
{
    board_run();
}

static void fault(void)
{
    board_fault();
}

/* The stack lies at the bottom of the RAM: below it is nothing, and running out of it is a fault. */
extern uint32_t stack_top[]; /* of the linker script */
struct vectors {
    uint32_t *stack;
    void (*handler[15])(void);
};
extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    stack_top,
    {start, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, tick},
};
