/* The main of a test program: cases, and the end. */
#ifndef HUFU_TESTS_RUN_H
#define HUFU_TESTS_RUN_H

#include <check.h>
#include <stdlib.h>

/* A new case of a suite; NULL: no such fixture, 0 seconds: check's own limit. */
static inline TCase *suite_case(Suite *s, const char *name, int seconds, SFun set_up,
                                SFun tear_down)
{
    TCase *t = tcase_create(name);
    if (seconds)
        tcase_set_timeout(t, seconds);
    tcase_add_checked_fixture(t, set_up, tear_down);
    suite_add_tcase(s, t);
    return t;
}

/* A case that is left out where all takes fifty times as long: CK_EXCLUDE_TAGS=long. */
static inline TCase *long_case(Suite *s, const char *name, int seconds)
{
    TCase *t = suite_case(s, name, seconds, NULL, NULL);
    tcase_set_tags(t, "long");
    return t;
}

/* A test of n rows: the first ones in a case, the others in a long one. */
static inline void case_loop(TCase *t, TCase *rest, const TTest *test, int first, int n)
{
    tcase_add_loop_test(t, test, 0, first);
    tcase_add_loop_test(rest, test, first, n);
}

/* A test that runs once for each row of its table. */
#define case_rows(t, test, table)                                                                  \
    tcase_add_loop_test((t), test, 0, (int)(sizeof(table) / sizeof *(table)))

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
