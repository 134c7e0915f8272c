/*
 * The floor under a parent's children on many hosts at once: bare machines, one on each host, made
 * and waiting, told over TCP to run. The reference of [fanout8].
 *
 *   raw_fanout child ADDRESS PORT          waits for what home says, until home closes
 *   raw_fanout home ADDRESS PORT HOSTS     calls on so many children
 *
 * A line of home's for each round that standard input asks for (see samples.h), microseconds from
 * the first word sent until the last machine's first exit:
 *   ALL    of all children at once
 *   ONE    of one child
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw_socket.h"
#include "raw_vm.h"
#include "samples.h"

#define USAGE "raw_fanout child ADDRESS PORT | raw_fanout home ADDRESS PORT HOSTS"

enum { MEMORY_BYTES = 1 << 20, MAX_HOSTS = 31 };

struct home {
	int children[MAX_HOSTS];
	unsigned int count;
};

static void be_child(const struct sockaddr_in *address)
{
	uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int fd = raw_socket_connect(address);
	struct raw_host host;
	uint8_t word = 0;

	if (memory == MAP_FAILED)
		fatal("no memory: %s", strerror(errno));
	raw_vm_write_code(memory);
	raw_host_open(&host);
	for (;;) {
		struct raw_vm vm;
		uint64_t ran_ns;

		raw_vm_open(&vm, &host);
		raw_vm_set_memory(&vm, memory, MEMORY_BYTES);
		raw_vm_start(&vm, RAW_VM_EXITS, 0, 0);
		raw_socket_send(fd, &word, sizeof(word));
		if (!raw_socket_receive(fd, &word, sizeof(word), false))
			return;
		raw_vm_run(&vm);
		ran_ns = samples_now_ns();
		raw_socket_send(fd, &ran_ns, sizeof(ran_ns));
		raw_vm_close(&vm);
	}
}

static void accept_all(struct home *home, const struct sockaddr_in *address)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(listener, MAX_HOSTS))
		fatal("cannot listen: %s", strerror(errno));
	for (unsigned int i = 0; i < home->count; i++) {
		home->children[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (home->children[i] < 0)
			fatal("cannot accept a connection: %s", strerror(errno));
	}
	close(listener);
}

static void hear(int child, void *data, size_t bytes)
{
	if (!raw_socket_receive(child, data, bytes, false))
		fatal("a child has ended");
}

/* Tells the first `count` children to run, when they are ready. Return: us until the last did. */
static double tell(const struct home *home, unsigned int count)
{
	uint64_t told_ns, ran_ns, last_ns = 0;
	uint8_t word;

	for (unsigned int i = 0; i < count; i++)
		hear(home->children[i], &word, sizeof(word));
	told_ns = samples_now_ns();
	for (unsigned int i = 0; i < count; i++)
		raw_socket_send(home->children[i], &word, sizeof(word));
	for (unsigned int i = 0; i < count; i++) {
		hear(home->children[i], &ran_ns, sizeof(ran_ns));
		last_ns = ran_ns > last_ns ? ran_ns : last_ns;
	}
	return samples_us(told_ns, last_ns);
}

static void measure(void *context, unsigned long rounds)
{
	const struct home *home = context;

	while (rounds--) {
		double all = tell(home, home->count);

		printf("%.1f %.1f\n", all, tell(home, 1));
	}
}

int main(int argc, char **argv)
{
	bool is_child = argc == 4 && strcmp(argv[1], "child") == 0;
	struct sockaddr_in address;
	struct home home = {0};

	if ((!is_child && (argc != 5 || strcmp(argv[1], "home") != 0)) ||
	    !raw_socket_address(argv[2], argv[3], &address))
		fatal("usage: %s", USAGE);
	if (is_child) {
		be_child(&address);
		return 0;
	}
	home.count = (unsigned int)samples_number(argc, argv, 4, MAX_HOSTS, USAGE);
	accept_all(&home, &address);
	samples_serve(measure, &home);
	return 0;
}
