/* For figures: how deep the stack has been. */
#ifndef HUFU_PORT_QEMU_METER_H
#define HUFU_PORT_QEMU_METER_H

#include <stddef.h>

void meter_paint(void);   /* mark the stack below the caller as unused */
size_t meter_stack(void); /* bytes of it that were used since */
size_t meter_stack_room(void);

#endif
