#include "firmware/ports/mps2/meter.h"

#define SYSTICK ((struct systick *)(uintptr_t)0xE000E010u)
#define PAINT   0xA5A5A5A5u

enum { ENABLE = 7 /* with interrupt, from the processor's clock */, FULL = 0xFFFFFF, MARGIN = 64 };

struct systick {
    volatile uint32_t control, reload, value;
};

extern uint32_t stack_bottom[], stack_top[]; /* of the linker script */
static volatile uint32_t wraps;

void meter_open(void)
{
    SYSTICK->reload = FULL;
    SYSTICK->value = 0;
    SYSTICK->control = ENABLE;
}

void meter_tick(void)
{
    wraps++;
}

/* It counts down; a wrap between the two readings shows in the count of wraps. */
uint64_t meter_ticks(void)
{
    uint32_t before, value;
    do {
        before = wraps;
        value = SYSTICK->value;
    } while (before != wraps);
    return ((uint64_t)before + 1) * (FULL + 1) - value;
}

void meter_paint(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0) - MARGIN;
    for (uint32_t *at = stack_bottom; (uintptr_t)at < here; at++)
        *(volatile uint32_t *)at = PAINT;
}

size_t meter_stack(void)
{
    const uint32_t *at = stack_bottom;
    while (at < stack_top && *(const volatile uint32_t *)at == PAINT)
        at++;
    return (size_t)(stack_top - at) * sizeof *at;
}

size_t meter_stack_room(void)
{
    return (size_t)(stack_top - stack_bottom) * sizeof *stack_top;
}
