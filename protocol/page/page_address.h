/*
 * Where a pager listens: an IPv4 or IPv6 address and a port. Numeric only: a pager must not wait
 * for a resolver.
 */
#ifndef PAGE_PAGE_ADDRESS_H
#define PAGE_PAGE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PAGE_ADDRESS_TEXT_BYTES (INET6_ADDRSTRLEN + 8u)

struct page_address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/* "192.0.2.1:7100" or "[2001:db8::1]:7100". Return: 0 or -EINVAL. */
int page_address_parse(const char *text, struct page_address *ret_address);
/* The same, back; text[PAGE_ADDRESS_TEXT_BYTES]. */
void page_address_print(const struct page_address *address, char *text);

socklen_t page_address_bytes(const struct page_address *address);
in_port_t page_address_port(const struct page_address *address);
/* Return: whether both are the same host, whatever the port. */
bool page_address_is_same_host(const struct page_address *a, const struct page_address *b);

#endif
