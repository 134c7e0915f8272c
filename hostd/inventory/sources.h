/*
 * Small files of /proc and /sys, below a root that tests choose. Every function is for values that
 * the kernel wrote; one that is missing or odd is an error, never a guess.
 */
#ifndef INVENTORY_SOURCES_H
#define INVENTORY_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Opens root + the formatted path for reading. Return: a stream, or NULL with errno. */
FILE *source_open(const char *root, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a file that holds one number. Return: 0, -errno, -EBADMSG when it does not. */
int source_number(uint64_t *ret_number, const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Reads a file's first line, without its end and cut at `capacity`. Return: 0, -errno.
 */
int source_line(char *line, size_t capacity, const char *root, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct source_field {
	const char *name; /* as in "MemTotal:"; NULL ends a list */
	uint64_t *value;  /* kB there, bytes here */
};

/*
 * Finds "NAME: N kB" in a stream of lines, wherever in the line the name begins (the files of NUMA
 * cells put "Node 0 " in front). Fields that are not there stay as they are.
 * Return: how many were found.
 */
unsigned int source_fields_kib(FILE *file, const struct source_field *fields);

/* Return: how many numbers a list like "0-3,8" names, 0 when it is none. */
unsigned int source_list_count(const char *list);

/* Return: whether such a list names the number. */
bool source_list_has(const char *list, unsigned int number);

#endif
