/*
 * One line per event on standard error, prefixed with a journald level (<3> error .. <7> debug).
 * Only programs log (hostd, pager, vmm's main loop); libraries return errors.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* Sets what is written: lines above max_level are dropped; `program` starts every line (borrowed).
 */
void log_setup(const char *program, enum log_level max_level);

/* Writes one line. Thread-safe: a line is one write(2). Lines over 512 bytes are cut. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
