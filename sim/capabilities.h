/* What the device of this program can do, as JSON on stdout. */
#ifndef HUFU_SIM_CAPABILITIES_H
#define HUFU_SIM_CAPABILITIES_H

#include "sim/options.h"

/* Boots a device in RAM and asks it. 0, or -1 after a line on stderr. */
int capabilities_print(const struct sim_options *o);

#endif
