/* MPS2 with the images AN385 (Cortex-M3) and AN505 (Cortex-M33). */
#include "firmware/ports/qemu/board.h"

#include <stddef.h>

#if defined(__ARM_ARCH_7M__)
const char board_name[] = "mps2-an385";
#define UARTS 0x40004000u
#elif defined(__ARM_ARCH_8M_MAIN__)
const char board_name[] = "mps2-an505";
#define UARTS 0x50200000u /* the secure alias: all of the image is secure */
#else
#error "neither board of this port"
#endif
#define UART(i) ((struct uart *)(uintptr_t)(UARTS + 0x1000u * (i)))
#define SYSTICK ((struct systick *)(uintptr_t)0xE000E010u)

/* CMSDK: 0 for people, 1 for frames */
enum { TEXT, WIRE };
enum { TX_FULL = 1, RX_FULL = 2, TX_ON = 1, RX_ON = 2, BAUD_DIVIDER = 16 /* the least */ };
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
    UART(TEXT)->divider = BAUD_DIVIDER;
    UART(TEXT)->control = TX_ON;
    SYSTICK->reload = FULL;
    SYSTICK->value = 0;
    SYSTICK->control = ENABLE;
}

static void put(struct uart *u, uint8_t byte)
{
    while (u->state & TX_FULL)
        ;
    u->data = byte;
}

void board_put(uint8_t byte)
{
    put(UART(TEXT), byte);
}

int board_wire_open(void)
{
    UART(WIRE)->divider = BAUD_DIVIDER;
    UART(WIRE)->control = TX_ON | RX_ON;
    return 0;
}

uint8_t board_wire_get(void)
{
    while (!(UART(WIRE)->state & RX_FULL))
        ;
    return (uint8_t)UART(WIRE)->data;
}

void board_wire_put(uint8_t byte)
{
    put(UART(WIRE), byte);
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

/* The stack lies at the bottom of the RAM: below it is nothing, and running out of it is a fault.
 */
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
