/*
 * A file of all frames as they pass the socket, with time, direction and client, in the format that
 * Wireshark opens: pcapng, link type USER0 (147), an interface for each connection. PINs that no
 * secure channel hides are in it.
 */
#ifndef HUFU_SIM_CAPTURE_H
#define HUFU_SIM_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

enum capture_direction { CAPTURE_IN = 1, CAPTURE_OUT = 2 };

/* Make the file, mode 0600, or go on with one that is a capture. 0, or -1 after a line on stderr.
 */
int capture_open(const char *path);
void capture_close(void);

/* Without an open file these do nothing. */

/* A connection: the number that its frames are to be told with. */
uint32_t capture_client(int fd);
/* A frame in two parts; size: what it had on the link, if the parts are not all of it. After an
 * error of writing the capture ends, with a line. */
void capture_frame(uint32_t client, enum capture_direction direction, const void *head,
                   size_t head_size, const void *body, size_t body_size, size_t size);

#endif
