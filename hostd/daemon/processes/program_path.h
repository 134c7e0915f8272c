/*
 * Where our other programs are: beside this one, where a build tree has them, where they are
 * installed with it (also under DESTDIR), or where they were meant to be.
 */
#ifndef DAEMON_PROGRAM_PATH_H
#define DAEMON_PROGRAM_PATH_H

#include <limits.h>

/*
 * `mode` as of access(2): what must be allowed. A program that is not there is named all the same:
 * whoever starts it says that it is missing.
 */
void program_path(const char *name, int mode, char path[PATH_MAX]);

#endif
