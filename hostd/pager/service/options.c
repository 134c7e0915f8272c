/*
 * Command line parsing.
 */
#include "pager/service/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* The coherence protocol keeps a set of hosts in one word (pager/coherence/host_set.h). */
#define MAX_NODE 63

static const struct option long_options[] = {
    {"control", required_argument, NULL, 'c'},
    {"node", required_argument, NULL, 'n'},
    {"listen", required_argument, NULL, 'l'},
    {"peer", required_argument, NULL, 'p'},
    {"hold-us", required_argument, NULL, 'o'},
    {"deadline-ms", required_argument, NULL, 'd'},
    {"spin", required_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

const char *options_usage(void)
{
	return "usage: norma-pager --control FD --node N [--listen ADDRESS:PORT]\n"
	       "                   [--peer NODE=ADDRESS:PORT]... [--hold-us N] [--spin WHEN]\n"
	       "                   [--deadline-ms N]\n"
	       "Keeps memory objects coherent between hosts. Started by norma-hostd.\n"
	       "  --control FD      connected SOCK_SEQPACKET socket to norma-hostd; its end ends "
	       "us\n"
	       "  --node N          this host's number, 0 to 63\n"
	       "  --listen A:P      where other hosts' pagers reach us: 192.0.2.1:7100 or\n"
	       "                    [2001:db8::1]:7100; port 0 where nobody has to\n"
	       "  --peer N=A:P      another host's number, and where its pager listens\n"
	       "  --hold-us N       how long a page stays after a write was granted and before it "
	       "is\n"
	       "                    seen to be written (50)\n"
	       "  --spin WHEN       look for what comes next before sleeping: auto, when that "
	       "pays;\n"
	       "                    off; or always for so many microseconds (auto)\n"
	       "  --deadline-ms N   a host silent for so long is gone (5000)\n";
}

static int parse_number(const char *text, unsigned long max, unsigned long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *ret_number > max)
		return -EINVAL;
	return 0;
}

static int parse_peer(const char *text, struct pager_options *options)
{
	const char *equals = strchr(text, '=');
	unsigned long node;
	char number[8];

	if (!equals || (size_t)(equals - text) >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, (size_t)(equals - text));
	number[equals - text] = 0;
	if (parse_number(number, MAX_NODE, &node) || options->has_peer[node] ||
	    page_address_parse(equals + 1, &options->peers[node]) ||
	    page_address_port(&options->peers[node]) == 0)
		return -EINVAL;
	options->has_peer[node] = true;
	return 0;
}

static int parse_one(int option, struct pager_options *options)
{
	unsigned long number = 0;
	int r = -EINVAL;

	switch (option) {
	case 'c':
		r = parse_number(optarg, INT32_MAX, &number);
		options->control_fd = (int)number;
		break;
	case 'n':
		r = parse_number(optarg, MAX_NODE, &number);
		options->node = (int)number;
		break;
	case 'l':
		r = page_address_parse(optarg, &options->listen);
		options->has_listen = true;
		break;
	case 'p':
		r = parse_peer(optarg, options);
		break;
	case 'o':
		r = parse_number(optarg, 1000000, &number);
		options->hold_ns = number * NS_PER_US;
		break;
	case 's':
		r = spin_parse(optarg, &options->spin_us);
		break;
	case 'd':
		r = parse_number(optarg, 3600000, &number);
		options->deadline_ns = number * NS_PER_MS;
		if (number < 10)
			r = -EINVAL;
		break;
	case 'h':
		r = -ECANCELED;
		break;
	default:
		break;
	}
	return r;
}

int options_parse(int argc, char **argv, struct pager_options *ret_options, char *text,
		  size_t text_bytes)
{
	struct pager_options options = {
	    .control_fd = -1,
	    .node = -1,
	    .hold_ns = 50 * NS_PER_US,
	    .spin_us = SPIN_AUTO,
	    .deadline_ns = 5 * NS_PER_S,
	};
	int option, index = 0;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		int r = parse_one(option, &options);

		if (r == -EINVAL && option == '?')
			snprintf(text, text_bytes, "unknown option %s", argv[optind - 1]);
		else if (r == -EINVAL)
			snprintf(text, text_bytes, "--%s: '%s' is not right (or given twice)",
				 long_options[index].name, optarg);
		if (r)
			return r;
	}
	if (optind < argc || options.control_fd < 0 || options.node < 0) {
		snprintf(text, text_bytes, "%s",
			 optind < argc ? "there is an argument too many"
				       : "--control and --node are needed");
		return -EINVAL;
	}
	if (options.has_peer[options.node]) {
		snprintf(text, text_bytes, "--peer %d is this host itself", options.node);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}
