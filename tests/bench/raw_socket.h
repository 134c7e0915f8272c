/*
 * What the raw programs do with TCP: one connection, everything at once, waiting in one of two
 * ways. All of it ends the program when the other side has failed.
 */
#ifndef BENCH_RAW_SOCKET_H
#define BENCH_RAW_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* What a pager asks with and answers with, at least. */
enum { RAW_REQUEST_BYTES = 64, RAW_REPLY_BYTES = 64 + 4096 };

/* Address and port as text. Return: whether they are right. */
bool raw_socket_address(const char *address, const char *port, struct sockaddr_in *ret_address);
/* The first caller's connection, and a connection to who may be starting just now. */
int raw_socket_accept(const struct sockaddr_in *address);
int raw_socket_connect(const struct sockaddr_in *address);

/* spin: asks the socket again and again. Return: false when the other side has closed. */
bool raw_socket_receive(int fd, void *data, size_t bytes, bool spin);
void raw_socket_send(int fd, const void *data, size_t bytes);

#endif
