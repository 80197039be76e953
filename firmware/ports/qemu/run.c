/* From reset to main, and what happens when the processor gives up. */
#include <stddef.h>
#include <string.h>

#include "firmware/ports/qemu/board.h"
#include "firmware/ports/qemu/main.h"
#include "firmware/ports/qemu/semihost.h"
#include "firmware/ports/qemu/uart.h"

extern uint8_t bss_begin[], bss_end[]; /* of the linker */

void board_run(void)
{
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    semihost_exit(image_main());
}

void board_fault(void)
{
    uart_text("fault: the processor stopped (stack exhausted?)\n");
    semihost_exit(EXIT_FAULT);
}
