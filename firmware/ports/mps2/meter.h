/* For figures: ticks of the processor's clock, and how deep the stack has been. */
#ifndef HUFU_PORT_MPS2_METER_H
#define HUFU_PORT_MPS2_METER_H

#include <stddef.h>
#include <stdint.h>

void meter_open(void);
uint64_t meter_ticks(void); /* BOARD_HZ a second */
void meter_tick(void);      /* the handler of SysTick */
void meter_paint(void);     /* mark the stack below the caller as unused */
size_t meter_stack(void);   /* bytes of it that were used since */
size_t meter_stack_room(void);

#endif
