/* The image: boot a device, say so on the UART, serve one host over two FIFOs. */
#ifndef HUFU_PORT_QEMU_MAIN_H
#define HUFU_PORT_QEMU_MAIN_H

#include "firmware/hal/hal.h"

/* How the image ends; QEMU's exit status. */
enum { EXIT_DONE = 0, EXIT_SETUP = 3, EXIT_FAULT = 4 };

unsigned image_main(void);

/* Fill hal with the files nvm, root, /dev/urandom, to-device and from-device of the host.
 * 0, or -1: one of them cannot be opened. The link comes apart, since it waits for the host;
 * without the two FIFOs it is the second UART of the board. */
int qemu_open(struct hal *hal);
int qemu_link_open(struct hal *hal);
/* What the self-tests read of the flash. */
struct hal_image qemu_image(void);

#endif
