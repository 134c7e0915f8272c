/*
 * norma lab: reads the options of its subcommands.
 */
#include "lab.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static int set_name(struct lab *lab, const char *name)
{
	if (!*name || strlen(name) > LAB_MAX_NAME ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
		return cli_usage("`%s` is not a name for a lab: use at most %u of a-z, 0-9 and -.",
				 name, LAB_MAX_NAME);
	strcpy(lab->name, name);
	return CLI_OK;
}

static int set_dir(struct lab *lab, const char *dir)
{
	char buffer[PATH_MAX];
	int length = dir ? snprintf(buffer, sizeof(buffer), "%s", dir)
			 : snprintf(buffer, sizeof(buffer), LAB_PARENT_DIR "/%s", lab->name);

	while (length > 1 && buffer[length - 1] == '/')
		buffer[--length] = '\0';
	/* Unix sockets live in it, and their paths are short. */
	if (length < 2 || buffer[0] != '/' || length > 80)
		return cli_usage("`%s` cannot be a lab's directory: it must be an absolute path of "
				 "at most 80 characters.",
				 buffer);
	strcpy(lab->dir, buffer);
	return CLI_OK;
}

static int set_number(const char *what, const char *text, unsigned int maximum,
		      unsigned int *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (!*text || *end || text[0] == '-' || number > maximum)
		return cli_usage("`%s` is not %s (at most %u).", text, what, maximum);
	*ret_number = (unsigned int)number;
	return CLI_OK;
}

/* HOST:SECTION.KEY=VALUE; what it means is for the daemon to say. */
static int add_setting(struct lab *lab, const char *text)
{
	struct lab_setting *setting = &lab->settings[lab->setting_count];
	int used = 0;

	if (lab->setting_count == LAB_MAX_SETTINGS)
		return cli_usage("more than %d --set.", LAB_MAX_SETTINGS);
	if (sscanf(text, "%u:%15[a-z].%31[a-z_]%n", &setting->host, setting->section, setting->key,
		   &used) != 3 ||
	    text[used] != '=')
		return cli_usage("`--set %s` is not of the form HOST:SECTION.KEY=VALUE.", text);
	setting->value = text + used + 1;
	lab->setting_count++;
	return CLI_OK;
}

/* Reads --name, --dir, --hosts and --set; getopt's optind is left at the first other argument. */
static int parse(int argc, char **argv, struct lab *lab)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"dir", required_argument, NULL, 'd'},
						{"hosts", required_argument, NULL, 'h'},
						{"set", required_argument, NULL, 's'},
						{0}};
	const char *dir = NULL;
	int option, r = CLI_OK;

	*lab = (struct lab){.name = LAB_DEFAULT_NAME, .hosts = 2};
	while (r == CLI_OK && (option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
		if (option == 'n')
			r = set_name(lab, optarg);
		else if (option == 'd')
			dir = optarg;
		else if (option == 'h')
			r = set_number("a number of hosts", optarg, LAB_MAX_HOSTS, &lab->hosts);
		else if (option == 's')
			r = add_setting(lab, optarg);
		else
			r = cli_option_refused(option, argv);
	}
	if (r == CLI_OK && lab->hosts == 0)
		r = cli_usage("a lab has at least one host.");
	return r == CLI_OK ? set_dir(lab, dir) : r;
}

static int parse_only(int argc, char **argv, struct lab *lab)
{
	int r = parse(argc, argv, lab);

	if (r == CLI_OK && optind < argc)
		return cli_usage("`lab %s` does not take `%s`.", argv[0], argv[optind]);
	return r;
}

static int run_up(int argc, char **argv)
{
	struct lab lab;
	int r = parse_only(argc, argv, &lab);

	return r == CLI_OK ? lab_up(&lab) : r;
}

static int run_status(int argc, char **argv)
{
	struct lab lab;
	int r = parse_only(argc, argv, &lab);

	return r == CLI_OK ? lab_status(&lab) : r;
}

static int run_down(int argc, char **argv)
{
	struct lab lab;
	int r = parse_only(argc, argv, &lab);

	return r == CLI_OK ? lab_down(&lab) : r;
}

static int run_exec(int argc, char **argv)
{
	struct lab lab;
	unsigned int host = 0;
	int r = parse(argc, argv, &lab);

	if (r != CLI_OK)
		return r;
	if (optind >= argc)
		return cli_usage("`lab exec` needs the number of a host and a command.");
	r = set_number("the number of a host", argv[optind], LAB_MAX_HOSTS - 1, &host);
	if (r != CLI_OK)
		return r;
	optind++;
	if (optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;
	if (optind >= argc)
		return cli_usage("`lab exec %u` needs a command.", host);
	return lab_exec(&lab, host, argv + optind);
}

static const struct cli_command commands[] = {
    {"up", "[--hosts N] [--name NAME] [--dir DIR] [--set HOST:SECTION.KEY=VALUE]...",
     "Makes N hosts (2 when not said) and waits until they answer.", run_up},
    {"exec", "[--name NAME] [--dir DIR] K -- COMMAND", "Runs a command on host K.", run_exec},
    {"status", "[--name NAME] [--dir DIR]", "Says which hosts are up.", run_status},
    {"down", "[--name NAME] [--dir DIR]", "Ends the hosts and removes everything.", run_down},
    {0},
};

int cli_lab(int argc, char **argv)
{
	return cli_dispatch(commands, "norma lab", argc - 1, argv + 1);
}
