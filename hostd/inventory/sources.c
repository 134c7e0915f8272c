/*
 * Reading what the kernel says in text.
 */
#include "sources.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

__attribute__((format(printf, 2, 0))) static FILE *open_path(const char *root, const char *format,
							     va_list args)
{
	char path[PATH_MAX];
	int used = snprintf(path, sizeof(path), "%s/", root);

	if (used < 0 || (size_t)used >= sizeof(path))
		return errno = ENAMETOOLONG, NULL;
	if (vsnprintf(path + used, sizeof(path) - (size_t)used, format, args) >=
	    (int)sizeof(path) - used)
		return errno = ENAMETOOLONG, NULL;
	return fopen(path, "re");
}

FILE *source_open(const char *root, const char *format, ...)
{
	va_list args;
	FILE *file;

	va_start(args, format);
	file = open_path(root, format, args);
	va_end(args);
	return file;
}

/* Return: 0 with the first line, -errno; closes the file, which may be NULL with errno. */
static int take_line(FILE *file, char *line, size_t capacity)
{
	int result = 0;

	if (!file)
		return -errno;
	errno = 0;
	if (fgets(line, (int)capacity, file))
		line[strcspn(line, "\n")] = 0;
	else
		result = errno ? -errno : -EBADMSG;
	fclose(file);
	return result;
}

int source_line(char *line, size_t capacity, const char *root, const char *format, ...)
{
	va_list args;
	FILE *file;

	va_start(args, format);
	file = open_path(root, format, args);
	va_end(args);
	return take_line(file, line, capacity);
}

int source_number(uint64_t *ret_number, const char *root, const char *format, ...)
{
	char line[64], *end;
	unsigned long long number;
	va_list args;
	FILE *file;
	int result;

	va_start(args, format);
	file = open_path(root, format, args);
	va_end(args);
	result = take_line(file, line, sizeof(line));
	if (result)
		return result;
	errno = 0;
	number = strtoull(line, &end, 10);
	if (line[0] < '0' || line[0] > '9' || *end || errno)
		return -EBADMSG;
	*ret_number = number;
	return 0;
}

unsigned int source_fields_kib(FILE *file, const struct source_field *fields)
{
	_cleanup_free_ char *line = NULL;
	size_t allocated = 0;
	unsigned int found = 0;

	while (getline(&line, &allocated, file) > 0) {
		for (const struct source_field *field = fields; field->name; field++) {
			const char *at = strstr(line, field->name);
			size_t length = strlen(field->name);
			uint64_t kib;

			if (!at || (at > line && at[-1] != ' ') || at[length] != ':' ||
			    sscanf(at + length + 1, "%" SCNu64, &kib) != 1)
				continue;
			*field->value = kib * 1024;
			found++;
		}
	}
	return found;
}

/* Takes the next range off the front of *list. Return: false at its end, or when it is none. */
static bool take_range(const char **list, unsigned long *ret_first, unsigned long *ret_last)
{
	char *end;

	if (**list < '0' || **list > '9')
		return false;
	*ret_first = *ret_last = strtoul(*list, &end, 10);
	if (*end == '-')
		*ret_last = strtoul(end + 1, &end, 10);
	*list = *end == ',' ? end + 1 : "";
	return *ret_last >= *ret_first && *ret_last - *ret_first < UINT16_MAX;
}

unsigned int source_list_count(const char *list)
{
	unsigned long first, last;
	unsigned int count = 0;

	while (take_range(&list, &first, &last))
		count += (unsigned int)(last - first) + 1;
	return count;
}

bool source_list_has(const char *list, unsigned int number)
{
	unsigned long first, last;

	while (take_range(&list, &first, &last))
		if (number >= first && number <= last)
			return true;
	return false;
}
