/* From reset to main, and what happens when the processor gives up. */
#include <stdint.h>
#include <string.h>

#include "firmware/ports/mps2/main.h"
#include "firmware/ports/mps2/meter.h"
#include "firmware/ports/mps2/semihost.h"
#include "firmware/ports/mps2/uart.h"

extern uint32_t stack_top[]; /* all of the linker script */
extern uint8_t data_begin[], data_end[], data_image[], bss_begin[], bss_end[];

void start(void); /* the entry point of the linker script */

void start(void)
{
    memcpy(data_begin, data_image, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    semihost_exit(image_main());
}

static void fault(void)
{
    uart_text("fault: the processor stopped (stack exhausted?)\n");
    semihost_exit(EXIT_FAULT);
}

/* The stack lies at the bottom of the RAM: below it is nothing, and running out of it is a fault.
 */
struct vectors {
    uint32_t *stack;
    void (*handler[15])(void);
};
extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    stack_top,
    {start, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, meter_tick},
};
