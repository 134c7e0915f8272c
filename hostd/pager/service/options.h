/*
 * The command line of norma-pager.
 */
#ifndef SERVICE_OPTIONS_H
#define SERVICE_OPTIONS_H

#include "pager/service/pager.h"

/*
 * Reads argv. Return: 0; -EINVAL with the reason in text[text_bytes]; -ECANCELED when only help was
 * asked for.
 */
int options_parse(int argc, char **argv, struct pager_options *ret_options, char *text,
		  size_t text_bytes);
/* Return: the usage text. */
const char *options_usage(void);

#endif
