/*
 * The control socket of hufu-sim-lab: lines of text in, one line of answer out, "ok ..." or "error
 * ...". For tests: whoever can open it (mode 0600) breaks the device as he likes.
 */
#ifndef HUFU_SIM_LAB_CONTROL_H
#define HUFU_SIM_LAB_CONTROL_H

/* Listen there, on a thread of its own. 0, or -1 after a line on stderr. */
int control_open(const char *path);

#endif
