#include "firmware/ports/qemu/semihost.h"

#include "firmware/ports/qemu/board.h"

enum {
    SYS_OPEN = 0x01,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0A,
    SYS_TIME = 0x11,
    SYS_EXIT_EXTENDED = 0x20,
    APPLICATION_EXIT = 0x20026
};

int semihost_open(const char *name, int how)
{
    size_t n = 0;
    while (name[n])
        n++;
    const uintptr_t block[3] = {(uintptr_t)name, (uintptr_t)how, n};
    return board_semihost(SYS_OPEN, block);
}

/* Both answer with the number of bytes that were not moved; a FIFO gives what it has. */
static int move(unsigned operation, int file, uintptr_t at, size_t n)
{
    while (n) {
        const uintptr_t block[3] = {(uintptr_t)file, at, n};
        const size_t left = (size_t)board_semihost(operation, block);
        if (left >= n)
            return -1;
        at += n - left;
        n = left;
    }
    return 0;
}

int semihost_read(int file, void *buffer, size_t n)
{
    return move(SYS_READ, file, (uintptr_t)buffer, n);
}

int semihost_write(int file, const void *data, size_t n)
{
    return move(SYS_WRITE, file, (uintptr_t)data, n);
}

int semihost_seek(int file, uint32_t at)
{
    const uintptr_t block[2] = {(uintptr_t)file, at};
    return board_semihost(SYS_SEEK, block) ? -1 : 0;
}

uint32_t semihost_time(void)
{
    return (uint32_t)board_semihost(SYS_TIME, NULL);
}

void semihost_exit(unsigned status)
{
    const uintptr_t block[2] = {APPLICATION_EXIT, status};
    for (;;)
        board_semihost(SYS_EXIT_EXTENDED, block);
}
