/*
 * The keys of the configuration: where each one's value goes, and what it may be.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config_parse.h"
#include "message/names.h"

enum value_kind {
	VALUE_NUMBER,
	VALUE_SOCKET_PATH,
	VALUE_PROGRAM,
	VALUE_ADDRESS,
	VALUE_LIBVIRT,
	VALUE_FEATURES,
	VALUE_SPIN
};

struct key {
	const char *section, *name;
	enum value_kind kind;
	size_t offset;
	int64_t least, most; /* numbers */
};

#define NUMBER(section, name, field, least, most)                                                  \
	{                                                                                          \
		section, name, VALUE_NUMBER, offsetof(struct config, field), least, most           \
	}
#define TEXT(section, name, kind, field)                                                           \
	{                                                                                          \
		section, name, kind, offsetof(struct config, field), 0, 0                          \
	}

static const struct key keys[] = {
    NUMBER("host", "node", node, 0, NAME_MAX_NODE),
    TEXT("host", "run_dir", VALUE_SOCKET_PATH, run_dir),
    TEXT("host", "socket", VALUE_SOCKET_PATH, socket_path),
    TEXT("host", "state_dir", VALUE_SOCKET_PATH, state_dir),
    TEXT("host", "listen", VALUE_ADDRESS, listen),
    TEXT("host", "pager_listen", VALUE_ADDRESS, pager_listen),
    TEXT("host", "libvirt", VALUE_LIBVIRT, libvirt),
    NUMBER("limits", "tasks", tasks, 1, 32768),
    NUMBER("limits", "tasks_per_user", tasks_per_user, 1, 32768),
    NUMBER("limits", "memory_bytes", memory_bytes, 0, INT64_MAX),
    NUMBER("limits", "task_memory_bytes", task_memory_bytes, 0, INT64_MAX),
    NUMBER("limits", "task_threads", task_threads, 0, NAME_THREADS),
    NUMBER("limits", "task_ports", task_ports, 0, UINT16_MAX),
    NUMBER("limits", "clients", clients, 1, 65536),
    NUMBER("limits", "waiting_vmms", waiting_vmms, 0, 1024),
    NUMBER("limits", "waiting_vmms_most", waiting_vmms_most, 0, 1024),
    NUMBER("limits", "call_deadline_ms", call_deadline_ms, 10, 3600000),
    NUMBER("limits", "clone_deadline_ms", clone_deadline_ms, 10, 3600000),
    NUMBER("limits", "console_bytes", console_bytes, 4096, 1 << 30),
    NUMBER("pager", "hold_us", pager_hold_us, 0, 1000000),
    {"pager", "spin", VALUE_SPIN, offsetof(struct config, pager_spin_us), 0, 1000},
    NUMBER("pager", "deadline_ms", pager_deadline_ms, 10, 3600000),
    TEXT("cpu", "hide", VALUE_FEATURES, cpu_hidden),
    TEXT("programs", "vmm", VALUE_PROGRAM, vmm_path),
    TEXT("programs", "pager", VALUE_PROGRAM, pager_path),
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
static_assert(KEY_COUNT <= CONFIG_MAX_KEYS, "each is seen once at most");

static void set_number(struct parse *parse, const struct key *key, const char *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (!*value || *end || errno || number < key->least || number > key->most)
		parse_fail(parse, "`%s` must be a number from %lld to %lld, not `%s`", key->name,
			   (long long)key->least, (long long)key->most, value);
	else
		*(int64_t *)(void *)((char *)parse->config + key->offset) = number;
}

/* "auto", "off", or microseconds. */
static void set_spin(struct parse *parse, const struct key *key, const char *value)
{
	int64_t *spin_us = (void *)((char *)parse->config + key->offset);

	if (strcmp(value, "auto") == 0)
		*spin_us = -1;
	else if (strcmp(value, "off") == 0)
		*spin_us = 0;
	else
		set_number(parse, key, value);
}

static void set_path(struct parse *parse, const struct key *key, const char *value)
{
	size_t capacity = key->kind == VALUE_PROGRAM ? PATH_MAX : SOCKET_PATH_BYTES;

	if (value[0] != '/' || strlen(value) >= capacity)
		parse_fail(parse, "`%s` must be an absolute path of fewer than %zu bytes, not `%s`",
			   key->name, capacity, value);
	else
		strcpy((char *)parse->config + key->offset, value);
}

static void set_address(struct parse *parse, const struct key *key, const char *value)
{
	struct address *address = (void *)((char *)parse->config + key->offset);

	if (address_parse(value, address))
		parse_fail(parse,
			   "`%s` must be an address like 10.0.0.1:7600 or [fd00::1]:7600, not `%s`",
			   key->name, value);
}

/* Whether a URI leads anywhere is found out when it is used. */
static void set_libvirt(struct parse *parse, const struct key *key, const char *value)
{
	bool is_word = strcmp(value, "auto") == 0 || strcmp(value, "off") == 0;

	if ((!is_word && !strstr(value, ":/")) || strlen(value) >= INVENTORY_URI_BYTES)
		parse_fail(
		    parse,
		    "`%s` must be auto, off, or a connection URI like qemu:///system, not `%s`",
		    key->name, value);
	else
		strcpy((char *)parse->config + key->offset, value);
}

static void set_features(struct parse *parse, const struct key *key, const char *value)
{
	struct cpu_features *features = (void *)((char *)parse->config + key->offset);
	char unknown[32];

	if (cpu_features_parse(value, features, unknown, sizeof(unknown)))
		parse_fail(parse,
			   "`%s` must be names of CPU features as libvirt has them, like avx512f, "
			   "not `%s`",
			   key->name, unknown);
}

static void set_key(struct parse *parse, const struct key *key, const char *value)
{
	if (parse->key_seen[key - keys]) {
		parse_fail(parse, "`%s` is set a second time in [%s]", key->name, key->section);
		return;
	}
	parse->key_seen[key - keys] = true;
	switch (key->kind) {
	case VALUE_NUMBER:
		set_number(parse, key, value);
		break;
	case VALUE_SPIN:
		set_spin(parse, key, value);
		break;
	case VALUE_SOCKET_PATH:
	case VALUE_PROGRAM:
		set_path(parse, key, value);
		break;
	case VALUE_ADDRESS:
		set_address(parse, key, value);
		break;
	case VALUE_LIBVIRT:
		set_libvirt(parse, key, value);
		break;
	case VALUE_FEATURES:
		set_features(parse, key, value);
		break;
	}
}

/* "ADDR:PORT" or "ADDR:PORT,PAGERADDR:PORT"; without it the pager is one port further. */
static int node_addresses(const char *value, struct config_node *node)
{
	char text[CONFIG_LINE_BYTES + 1];
	char *comma;

	snprintf(text, sizeof(text), "%s", value);
	comma = strchr(text, ',');
	if (comma) {
		*comma++ = 0;
		comma += strspn(comma, " \t");
	}
	if (address_parse(text, &node->hostd) || address_port(&node->hostd) == 0)
		return -EINVAL;
	if (!comma)
		return address_with_port(&node->hostd, address_port(&node->hostd) + 1,
					 &node->pager);
	return address_parse(comma, &node->pager) || address_port(&node->pager) == 0 ? -EINVAL : 0;
}

static void add_node(struct parse *parse, const char *name, const char *value)
{
	struct config *config = parse->config;
	struct config_node node = {0};
	char *end;
	long number = strtol(name, &end, 10);

	if (name[0] < '0' || name[0] > '9' || *end || number > NAME_MAX_NODE) {
		parse_fail(parse, "`%s` is not a node number from 0 to %d", name, NAME_MAX_NODE);
		return;
	}
	node.node = (int)number;
	if (config_node_find(config, node.node)) {
		parse_fail(parse, "node %d is in the table a second time", node.node);
	} else if (config->node_count == CONFIG_MAX_NODES) {
		parse_fail(parse, "the table has more than %d nodes", CONFIG_MAX_NODES);
	} else if (node_addresses(value, &node)) {
		parse_fail(parse,
			   "node %d needs ADDRESS:PORT of its norma-hostd and, after a comma, of "
			   "its norma-pager, not `%s`",
			   node.node, value);
	} else {
		config->nodes[config->node_count++] = node;
	}
}

void parse_value(struct parse *parse, const char *section, const char *name, const char *value)
{
	if (strcmp(section, "nodes") == 0) {
		add_node(parse, name, value);
		return;
	}
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
			set_key(parse, &keys[i], value);
			return;
		}
	if (!section[0])
		parse_fail(parse, "`%s` stands before the first [section]", name);
	else
		parse_fail(parse, "[%s] has no key `%s`", section, name);
}
