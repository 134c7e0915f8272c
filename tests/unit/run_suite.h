/*
 * The main() of every Check program: runs a suite and prints TAP.
 */
#ifndef UNIT_RUN_SUITE_H
#define UNIT_RUN_SUITE_H

#include <check.h>

/* Takes the suite. Return: the program's exit status. */
int run_suite(Suite *suite);

/* The same, unless there is an obstacle: a sentence, with which everything is skipped; or NULL. */
int run_suite_unless(const char *obstacle, Suite *suite);

/* The same where /dev/kvm can be used. */
int run_suite_kvm(Suite *suite);

#endif
