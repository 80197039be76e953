#include "sim/seal.h"

const struct hal_seal sim_seal = {HAL_SEAL_MAGIC, {0}};
