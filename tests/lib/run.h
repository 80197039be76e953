/* The end of a test program. */
#ifndef HUFU_TESTS_RUN_H
#define HUFU_TESTS_RUN_H

#include <check.h>
#include <stdlib.h>

/* Run a suite, free it, and give main its status. */
static inline int suite_run(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
