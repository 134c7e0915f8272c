/*
 * Reads the INI file with inih. Two of inih's habits are dangerous and guarded against here: its
 * Debian build cuts lines at 200 bytes and takes the tail for a new line, and an indented line
 * silently continues the value before it. Both are refused by our line reader, which also counts
 * lines (inih's handler is not told) and sees section headers that have no keys.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config_parse.h"
#include "program_path.h"

static const char *const sections[] = {"host", "nodes", "limits", "pager", "cpu", "programs"};

void parse_fail(struct parse *parse, const char *format, ...)
{
	va_list args;
	int used;

	if (parse->error[0])
		return;
	used = snprintf(parse->error, CONFIG_ERROR_BYTES, "%s:%u: ", parse->path, parse->line);
	if (used < 0 || used >= CONFIG_ERROR_BYTES)
		return;
	va_start(args, format);
	vsnprintf(parse->error + used, CONFIG_ERROR_BYTES - (size_t)used, format, args);
	va_end(args);
}

/* inih's handler. Return: 1, as errors are kept in *user. */
static int handle_value(void *user, const char *section, const char *name, const char *value)
{
	parse_value(user, section, name, value);
	return 1;
}

static void check_section(struct parse *parse, const char *line)
{
	size_t length = strcspn(line + 1, "]\r\n");

	if (line[1 + length] != ']') {
		parse_fail(parse, "the section has no closing ]");
		return;
	}
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strlen(sections[i]) == length && !memcmp(line + 1, sections[i], length))
			return;
	parse_fail(parse, "there is no section [%.*s]", (int)length, line + 1);
}

static void check_line(struct parse *parse, const char *line, size_t bytes)
{
	size_t indent = strspn(line, " \t");

	if (strlen(line) != bytes)
		parse_fail(parse, "the line contains a NUL byte");
	else if (bytes > CONFIG_LINE_BYTES)
		parse_fail(parse, "the line is longer than %d bytes", CONFIG_LINE_BYTES);
	else if (indent && !strchr("\r\n;#", line[indent]))
		parse_fail(parse, "the line is indented; start it in the first column");
	else if (line[0] == '[')
		check_section(parse, line);
}

/* inih's fgets. Return: NULL at the end of the file and after the first error. */
static char *read_line(char *buffer, int capacity, void *stream)
{
	struct parse *parse = stream;
	_cleanup_free_ char *line = NULL;
	size_t allocated = 0;
	ssize_t bytes;

	if (parse->error[0])
		return NULL;
	bytes = getline(&line, &allocated, parse->file);
	if (bytes < 0)
		return NULL;
	parse->line++;
	check_line(parse, line, (size_t)bytes);
	if (parse->error[0] || bytes >= capacity)
		return NULL;
	memcpy(buffer, line, (size_t)bytes + 1);
	return buffer;
}

static void config_defaults(struct config *config)
{
	*config = (struct config){
	    .node = -1,
	    .run_dir = "/run/norma",
	    .libvirt = "auto",
	    .auto_answer_ms = 500,
	    .state_dir = "/var/lib/norma",
	    .tasks = 1024,
	    .tasks_per_user = 512,
	    .clients = 256,
	    .waiting_vmms = 2,
	    .waiting_vmms_most = 128,
	    .call_deadline_ms = 10000,
	    .clone_deadline_ms = 30000,
	    .console_bytes = 256 * 1024,
	    .pager_hold_us = 50,
	    .pager_spin_us = -1,
	    .pager_deadline_ms = 10000,
	};
	program_path("norma-vmm", X_OK, config->vmm_path);
	program_path("norma-pager", X_OK, config->pager_path);
	program_path("norma-libvirt.so", R_OK, config->libvirt_path);
}

/* What follows from other keys, and what must fit together. */
static void config_complete(struct parse *parse)
{
	struct config *config = parse->config;
	const struct config_node *own;
	int used;

	if (config->node < 0) {
		snprintf(parse->error, CONFIG_ERROR_BYTES,
			 "%s: [host] must say which `node` this host is", parse->path);
		return;
	}
	if (!config->socket_path[0]) {
		used = snprintf(config->socket_path, SOCKET_PATH_BYTES, "%s/hostd.sock",
				config->run_dir);
		if (used < 0 || used >= (int)SOCKET_PATH_BYTES)
			snprintf(parse->error, CONFIG_ERROR_BYTES,
				 "%s: `run_dir` is too long for a socket in it", parse->path);
	}
	own = config_node_find(config, (int)config->node);
	if (own && !config->listen.bytes)
		config->listen = own->hostd;
	if (own && !config->pager_listen.bytes)
		config->pager_listen = own->pager;
	if (config->node_count > (own ? 1u : 0u) &&
	    (!config->listen.bytes || !config->pager_listen.bytes))
		snprintf(parse->error, CONFIG_ERROR_BYTES,
			 "%s: there are other [nodes] but no `listen` and `pager_listen` in [host] "
			 "and no entry for node %d itself",
			 parse->path, (int)config->node);
}

int config_load(const char *path, struct config *ret_config, char error[CONFIG_ERROR_BYTES])
{
	struct parse parse = {.config = ret_config, .path = path, .error = error};
	int result;

	error[0] = 0;
	config_defaults(ret_config);
	parse.file = fopen(path, "re");
	if (!parse.file) {
		result = -errno;
		snprintf(error, CONFIG_ERROR_BYTES, "%s: it cannot be opened: %m", path);
		return result;
	}
	result = ini_parse_stream(read_line, &parse, handle_value, &parse);
	if (ferror(parse.file))
		parse_fail(&parse, "it cannot be read");
	fclose(parse.file);
	if (result && !error[0]) {
		parse.line = result > 0 ? (unsigned int)result : parse.line;
		parse_fail(&parse, "this is neither [section], key = value nor a comment");
	}
	if (!error[0])
		config_complete(&parse);
	return error[0] ? -EINVAL : 0;
}

const struct config_node *config_node_find(const struct config *config, int node)
{
	for (unsigned int i = 0; i < config->node_count; i++)
		if (config->nodes[i].node == node)
			return &config->nodes[i];
	return NULL;
}
