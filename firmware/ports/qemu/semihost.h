/*
 * ARM semihosting: what the debugger - here QEMU - does for the image. A board has flash, a noise
 * source and a link of its own instead; these calls stand for them in the emulator, and only there.
 */
#ifndef HUFU_PORT_QEMU_SEMIHOST_H
#define HUFU_PORT_QEMU_SEMIHOST_H

#include <stddef.h>
#include <stdint.h>

/* How to open, as in fopen. */
enum { SEMIHOST_READ = 1, SEMIHOST_UPDATE = 3, SEMIHOST_WRITE = 5, SEMIHOST_CREATE = 7 };

/* A file of the host, named from QEMU's working directory; -1: there is none. Waits for the other
 * end of a FIFO. */
int semihost_open(const char *name, int how);
/* 0: all n bytes were moved. -1: the end of the file, or an error. */
int semihost_read(int file, void *buffer, size_t n);
int semihost_write(int file, const void *data, size_t n);
int semihost_seek(int file, uint32_t at);
uint32_t semihost_time(void); /* seconds since 1970 */
/* QEMU ends with this status. */
_Noreturn void semihost_exit(unsigned status);

#endif
