/*
 * Runs cases one by one and counts.
 */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#define RUNNER_SENTENCE_BYTES 400

/* Leaves the running case. */
_Noreturn void runner_end_case(const char *sentence);

#endif
