#include "sim/lab/lab.h"

#include "sim/lab/control.h"
#include "sim/lab/faults.h"

int lab_attach(const struct sim_options *o, struct hal *hal)
{
    if (!o->control || !o->directory)
        return 0;
    faults_wrap(hal, o->directory);
    return control_open(o->control);
}
