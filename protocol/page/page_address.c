/*
 * Numeric socket addresses.
 */
#include "page/page_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_port(const char *text, in_port_t *ret_port)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	port = strtoul(text, &end, 10);
	if (*end || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

int page_address_parse(const char *text, struct page_address *ret_address)
{
	struct page_address address = {.any.sa_family = AF_INET};
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN];
	in_port_t port;

	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		address.any.sa_family = AF_INET6;
		text++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof(host) || parse_port(colon + 1, &port))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = 0;
	if (address.any.sa_family == AF_INET) {
		address.in.sin_port = port;
		if (inet_pton(AF_INET, host, &address.in.sin_addr) != 1)
			return -EINVAL;
	} else {
		address.in6.sin6_port = port;
		if (inet_pton(AF_INET6, host, &address.in6.sin6_addr) != 1)
			return -EINVAL;
	}
	*ret_address = address;
	return 0;
}

void page_address_print(const struct page_address *address, char *text)
{
	char host[INET6_ADDRSTRLEN] = "?";
	unsigned int port = ntohs(page_address_port(address));

	if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		snprintf(text, PAGE_ADDRESS_TEXT_BYTES, "[%s]:%u", host, port);
	} else {
		inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		snprintf(text, PAGE_ADDRESS_TEXT_BYTES, "%s:%u", host, port);
	}
}

socklen_t page_address_bytes(const struct page_address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

in_port_t page_address_port(const struct page_address *address)
{
	return address->any.sa_family == AF_INET6 ? address->in6.sin6_port : address->in.sin_port;
}

bool page_address_is_same_host(const struct page_address *a, const struct page_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET6)
		return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
	return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}
