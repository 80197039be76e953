#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/rsa_trial_table.h"

#include "ifma8_trial.inc"
#endif
