/*
 * The daemon's configuration: an INI file read once at start. Every key has a default but the
 * node's own number; an unknown section, key or value is an error with its line, never ignored.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cpu/feature_set.h"
#include "inventory/inventory.h"

#define CONFIG_MAX_NODES   64
#define CONFIG_ERROR_BYTES 512
#define ADDRESS_TEXT_BYTES 64
#define SOCKET_PATH_BYTES  sizeof(((struct sockaddr_un *)0)->sun_path)

/* A numeric IPv4 or IPv6 address with a port. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t bytes; /* 0: not set */
	char text[ADDRESS_TEXT_BYTES];
};

struct config_node {
	int node;
	struct address hostd;
	struct address pager;
};

struct config {
	int64_t node; /* -1 until read */
	char run_dir[SOCKET_PATH_BYTES];
	char socket_path[SOCKET_PATH_BYTES];
	char state_dir[SOCKET_PATH_BYTES]; /* what outlives the daemon */
	struct address listen;		   /* not set on a host without others */
	struct address pager_listen;
	char libvirt[INVENTORY_URI_BYTES]; /* "auto", "off", a connection URI */
	struct config_node nodes[CONFIG_MAX_NODES];
	unsigned int node_count;

	int64_t tasks;
	int64_t tasks_per_user;
	int64_t memory_bytes;	   /* that all tasks may be promised; 0: no limit */
	int64_t task_memory_bytes; /* of a new task that is nobody's child; 0: no limit */
	int64_t task_threads;
	int64_t task_ports;
	int64_t clients;
	int64_t waiting_vmms, waiting_vmms_most;
	int64_t call_deadline_ms;
	int64_t clone_deadline_ms;
	int64_t console_bytes;
	int64_t auto_answer_ms; /* for which --node auto waits; for tests, no key sets it */

	int64_t pager_hold_us;
	int64_t pager_spin_us; /* 0: off; -1: as the pager finds right */
	int64_t pager_deadline_ms;

	struct cpu_features cpu_hidden; /* neither shown to tasks nor promised */

	char vmm_path[PATH_MAX];
	char pager_path[PATH_MAX];
	char libvirt_path[PATH_MAX]; /* norma-libvirt.so */
	char facts_root[PATH_MAX];   /* inventory_setup.root: for tests, no key sets it */
};

/*
 * Reads and checks the file. Return: 0, or -errno with a sentence that begins with "file:line:" (or
 * "file:" when it is about the whole) in `error`.
 */
int config_load(const char *path, struct config *ret_config, char error[CONFIG_ERROR_BYTES]);

/* Return: the entry of that node, or NULL. */
const struct config_node *config_node_find(const struct config *config, int node);

/* Reads "10.0.0.1:7001" or "[fd00::1]:7001". Return: 0, -EINVAL. */
int address_parse(const char *text, struct address *ret_address);
/* Writes the text form of an address with another port. Return: 0, -EINVAL past port 65535. */
int address_with_port(const struct address *address, unsigned int port,
		      struct address *ret_address);
unsigned int address_port(const struct address *address);

#endif
