/*
 * The few library functions that the stubs (and compilers, on their own account) call, for programs
 * without a C library. Compiled with -fno-builtin, or a loop here would become a call to itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *end = to;

	__asm__ volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(bytes) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	if ((uintptr_t)to - (uintptr_t)from >= bytes)
		return memcpy(to, from, bytes);
	while (bytes--)
		target[bytes] = source[bytes];
	return to;
}

void *memset(void *to, int value, size_t bytes)
{
	void *end = to;

	__asm__ volatile("rep stosb" : "+D"(end), "+c"(bytes) : "a"(value) : "memory");
	return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
	const uint8_t *a = left, *b = right;

	for (size_t i = 0; i < bytes; i++)
		if (a[i] != b[i])
			return a[i] - b[i];
	return 0;
}

void *memchr(const void *data, int value, size_t bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < bytes; i++)
		if (at[i] == (uint8_t)value)
			return (void *)(uintptr_t)(at + i);
	return NULL;
}

size_t strnlen(const char *text, size_t capacity)
{
	size_t length = 0;

	while (length < capacity && text[length])
		length++;
	return length;
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}
