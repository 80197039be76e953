/*
 * The desk: where waiting commands become one device_serve call and its answers go back. Whoever
 * stands at the desk is the one thread inside the device.
 */
#ifndef HUFU_SIM_DESK_H
#define HUFU_SIM_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/device.h"
#include "sim/client.h"

enum { DESK_BATCH = 256 };

struct desk;

/* frame_max as configured for the device. NULL: no memory. */
struct desk *desk_create(struct device *d, size_t frame_max);
/* Another one for the same rounds: its commands run while the answers of the first are given. It
 * shares what the first has learned, which must live as long. */
struct desk *desk_create_second(struct desk *first);
/* The same for what is served in the interludes of long commands: it takes no long ones, nor from
 * clients whose command is running. */
struct desk *desk_create_side(struct desk *first);
void desk_destroy(struct desk *k);

/* What a command will take, in nanoseconds, from what the last ones of its kind took. */
uint32_t desk_cost(const struct desk *k, const struct command *m);

/* Take commands of a client for the next round, as many as quota and the desk allow; how many. A
 * long one gets a round of its own. */
unsigned desk_take(struct desk *k, struct client *c, unsigned quota);
/* Execute what was taken. The only step without the lock of the clients. */
void desk_run(struct desk *k);
/* How many answers there are to give. */
unsigned desk_answers(const struct desk *k);
/* Give the answers to their clients and clear the desk; how many. done is called once for each
 * client. */
unsigned desk_answer(struct desk *k, void (*done)(void *arg, struct client *c), void *arg);
/* End the link of a client that is gone. */
void desk_close_link(struct desk *k, struct client *c);
/* Give memory back that large answers took. */
void desk_trim(struct desk *k);

#endif
