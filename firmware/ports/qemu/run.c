/* From reset to main, and what happens when the processor gives up. */
#include <stddef.h>
#include <string.h>

#include "firmware/ports/qemu/board.h"
#include "firmware/ports/qemu/main.h"
#include "firmware/ports/qemu/semihost.h"
#include "firmware/ports/qemu/uart.h"

extern uint8_t data_begin[], data_end[], data_image[], bss_begin[], bss_end[]; /* of the linker */

void board_run(void)
{
    memcpy(data_begin, data_image, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    semihost_exit(image_main());
}

void board_fault(void)
{
    uart_text("fault: the processor stopped (stack exhausted?)\n");
    semihost_exit(EXIT_FAULT);
}
