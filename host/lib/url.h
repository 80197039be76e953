/* What a URL says of the secure channel, on whatever link: options of the library, not of the link.
 */
#ifndef HUFU_HOST_URL_H
#define HUFU_HOST_URL_H

#include "host/lib/hufu.h"

struct url {
    char *plain;                 /* the URL without these options */
    struct hufu_options options; /* the caller's, and what the URL says where they say nothing */
    char *values;                /* their text */
};
/* options: may be NULL. HUFU_E_URL, _MEMORY; url_free is owed either way. */
enum hufu_status url_read(struct url *u, const char *url, const struct hufu_options *options);
void url_free(struct url *u);

#endif
