/* For ports whose NVM is a file or RAM: what flash would refuse is refused there, too. */
#ifndef HUFU_PORT_NVM_RULE_H
#define HUFU_PORT_NVM_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* May n bytes of data, whole units, be programmed over old: each unit is erased, or becomes all
 * zeros. */
static inline bool may_program(const uint8_t *old, const uint8_t *data, uint32_t n, uint32_t unit)
{
    for (uint32_t i = 0; i < n; i += unit) {
        bool erased = true, zeros = true;
        for (uint32_t j = i; j < i + unit; j++) {
            erased &= old[j] == 0xFF;
            zeros &= data[j] == 0;
        }
        if (!erased && !zeros)
            return false;
    }
    return true;
}

#endif
