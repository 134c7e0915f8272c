/*
 * Numeric socket addresses as text. Names are not resolved: a daemon must not wait for a resolver.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Splits at the last colon and takes [ ] off. Return: 0 with `host` filled and *ret_port. */
static int address_split(const char *text, char *host, size_t host_bytes, unsigned int *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t length;
	char *end;
	unsigned long port;

	if (!colon || colon == text || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535)
		return -EINVAL;
	length = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= host_bytes)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = 0;
	*ret_port = (unsigned int)port;
	return 0;
}

static void address_print(struct address *address)
{
	char host[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		snprintf(address->text, sizeof(address->text), "%s:%u", host,
			 address_port(address));
	} else {
		inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		snprintf(address->text, sizeof(address->text), "[%s]:%u", host,
			 address_port(address));
	}
}

int address_parse(const char *text, struct address *ret_address)
{
	struct address address = {0};
	char host[INET6_ADDRSTRLEN];
	unsigned int port;

	if (address_split(text, host, sizeof(host), &port))
		return -EINVAL;
	if (text[0] != '[' && inet_pton(AF_INET, host, &address.in.sin_addr) == 1) {
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons((uint16_t)port);
		address.bytes = sizeof(address.in);
	} else if (text[0] == '[' && inet_pton(AF_INET6, host, &address.in6.sin6_addr) == 1) {
		address.in6.sin6_family = AF_INET6;
		address.in6.sin6_port = htons((uint16_t)port);
		address.bytes = sizeof(address.in6);
	} else {
		return -EINVAL;
	}
	address_print(&address);
	*ret_address = address;
	return 0;
}

unsigned int address_port(const struct address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->in.sin_port
						       : address->in6.sin6_port);
}

int address_with_port(const struct address *address, unsigned int port, struct address *ret_address)
{
	struct address changed = *address;

	if (port > 65535)
		return -EINVAL;
	if (changed.any.sa_family == AF_INET)
		changed.in.sin_port = htons((uint16_t)port);
	else
		changed.in6.sin6_port = htons((uint16_t)port);
	address_print(&changed);
	*ret_address = changed;
	return 0;
}
