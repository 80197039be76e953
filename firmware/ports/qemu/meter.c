#include "firmware/ports/qemu/meter.h"

#include <stdint.h>

#define PAINT 0xA5A5A5A5u

enum { MARGIN = 64 };

extern uint32_t stack_bottom[], stack_top[]; /* of the linker script */

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
