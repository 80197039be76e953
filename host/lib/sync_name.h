/* The name of a file that was made or renamed, on the disk. */
#ifndef HUFU_SYNC_NAME_H
#define HUFU_SYNC_NAME_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder that path is in: the caller frees it; NULL: no memory. */
static inline char *folder_of(const char *path)
{
    char *folder = strdup(*path ? path : ".");
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        slash[slash == folder] = 0;
    else if (folder)
        strcpy(folder, ".");
    return folder;
}

/* Syncs the folder that path is in: 0, or -1 with errno. A file system that cannot (EINVAL), or a
 * folder that may be written but not read (EACCES), does not count as a failure. */
static inline int sync_name(const char *path)
{
    char *folder = folder_of(path);
    if (!folder)
        return -1;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int failed = fd < 0 || fsync(fd);
    const int why = errno;
    if (fd >= 0)
        close(fd);
    free(folder);
    errno = why;
    return failed && why != EINVAL && why != EACCES ? -1 : 0;
}

#endif
