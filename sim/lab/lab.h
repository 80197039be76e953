/* Faults on order, in builds with HUFU_CONTROL (hufu-sim-lab); in others there is nothing of it. */
#ifndef HUFU_SIM_LAB_LAB_H
#define HUFU_SIM_LAB_LAB_H

#include "firmware/hal/hal.h"
#include "sim/options.h"

#ifdef HUFU_CONTROL
/* With --control: put the faults between the device and its port, and listen for orders. 0, or -1
 * after a line. */
int lab_attach(const struct sim_options *o, struct hal *hal);
#else
static inline int lab_attach(const struct sim_options *o, struct hal *hal)
{
    (void)o;
    (void)hal;
    return 0;
}
#endif

#endif
