/* The start of a new port: copy this folder, fill in what returns -1, follow docs/porting.md. */
#ifndef HUFU_PORT_SKELETON_H
#define HUFU_PORT_SKELETON_H

#include "firmware/hal/hal.h"

/*
 * Fill hal with the functions of this port. Called once, before the device is opened; 0, or -1 when
 * a part of the hardware does not answer. What ctx points to must live as long as the device: on a
 * chip it is static memory, as here.
 */
int skeleton_open(struct hal *hal);

#endif
