/* What differs between the boards: MPS2 with the images AN385 (Cortex-M3) and AN505 (Cortex-M33).
 */
#ifndef HUFU_PORT_MPS2_BOARD_H
#define HUFU_PORT_MPS2_BOARD_H

#if defined(__ARM_ARCH_7M__)
#define BOARD_NAME "mps2-an385"
#define BOARD_UART 0x40004000u
/* The clock of SysTick: an instruction takes a nanosecond under "-icount shift=0". */
#define BOARD_HZ 25000000u
#elif defined(__ARM_ARCH_8M_MAIN__)
#define BOARD_NAME "mps2-an505"
#define BOARD_UART 0x50200000u /* the secure alias: all of the image is secure */
#define BOARD_HZ   20000000u
#else
#error "neither board of this port"
#endif

#endif
