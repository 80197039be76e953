#include <sys/mman.h>
#include <unistd.h>

#include "firmware/ports/posix/internal.h"

enum { PAGE = 4096 };

void copies_open(struct copies *c)
{
    *c = (struct copies){NULL, 0};
#ifdef MADV_WIPEONFORK
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, PAGE, MADV_WIPEONFORK))
        munmap(page, PAGE);
    else
        c->page = page;
#endif
}

void copies_close(struct copies *c)
{
    if (c->page)
        munmap(c->page, PAGE);
    c->page = NULL;
}

/* A child finds zero and goes on counting from what its parent had, so that its own children count
 * on from there. */
uint64_t copies_generation(void *copies)
{
    struct copies *c = copies;
    if (!c->page)
        return (uint64_t)getpid();
    if (!*c->page)
        *c->page = ++c->made;
    return *c->page;
}
