/*
 * The configuration reader: every pass-*.ini of the folder is accepted, every fail-*.ini refused
 * with the sentence of its .expect file. The folder is in $NORMA_TEST_CONFIGS.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "run_suite.h"

static glob_t found;
static const char *folder;

static void find(const char *pattern)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, pattern);
	ck_assert_int_eq(glob(path, 0, NULL, &found), 0);
}

static void read_expectation(const char *ini_path, char *text, int capacity)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%.*s.expect", (int)(strlen(ini_path) - 4), ini_path);
	file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s is missing", path);
	ck_assert_ptr_nonnull(fgets(text, capacity, file));
	text[strcspn(text, "\n")] = 0;
	fclose(file);
}

START_TEST(right_files_are_accepted)
{
	static struct config config;
	char error[CONFIG_ERROR_BYTES];

	find("pass-*.ini");
	for (size_t i = 0; i < found.gl_pathc; i++)
		ck_assert_msg(config_load(found.gl_pathv[i], &config, error) == 0, "%s", error);
	globfree(&found);
}
END_TEST

START_TEST(wrong_files_are_refused_with_line_and_reason)
{
	static struct config config;
	char error[CONFIG_ERROR_BYTES], expected[256];

	find("fail-*.ini");
	ck_assert_uint_ge(found.gl_pathc, 20);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];

		read_expectation(path, expected, sizeof(expected));
		ck_assert_msg(config_load(path, &config, error) != 0, "%s was accepted", path);
		ck_assert_msg(strstr(error, expected) != NULL, "\"%s\" does not say \"%s\"", error,
			      expected);
		ck_assert_msg(strncmp(error, path, strlen(path)) == 0, "no file in \"%s\"", error);
	}
	globfree(&found);
}
END_TEST

START_TEST(values_arrive)
{
	static struct config config;
	char error[CONFIG_ERROR_BYTES], path[512];
	const struct config_node *node;

	snprintf(path, sizeof(path), "%s/pass-full.ini", folder);
	ck_assert_int_eq(config_load(path, &config, error), 0);
	ck_assert_int_eq(config.node, 2);
	ck_assert_str_eq(config.socket_path, "/run/norma-test/other.sock");
	ck_assert_str_eq(config.listen.text, "0.0.0.0:7600");
	ck_assert_str_eq(config.libvirt, "qemu+unix:///system");
	ck_assert_uint_eq(config.node_count, 3);
	node = config_node_find(&config, 1);
	ck_assert_str_eq(node->hostd.text, "[fd00::1]:7600");
	ck_assert_str_eq(node->pager.text, "[fd00::1]:7601");
	ck_assert_str_eq(config_node_find(&config, 2)->pager.text, "10.0.0.3:7601");
	ck_assert_ptr_null(config_node_find(&config, 3));
	ck_assert_int_eq(config.waiting_vmms, 0);
	ck_assert_int_eq(config.console_bytes, 65536);
	ck_assert_int_eq(config.memory_bytes, INT64_C(8) << 30);
	ck_assert_int_eq(config.task_memory_bytes, 1 << 30);
	ck_assert_int_eq(config.task_threads, 4);
	ck_assert_int_eq(config.task_ports, 3);
	ck_assert_int_eq(config.pager_hold_us, 10);
	ck_assert_int_eq(config.pager_spin_us, 0);
	ck_assert_str_eq(config.vmm_path, "/usr/libexec/norma-vmm");
}
END_TEST

START_TEST(own_entry_of_the_table_says_where_to_listen)
{
	static struct config config;
	char error[CONFIG_ERROR_BYTES], path[512];

	snprintf(path, sizeof(path), "%s/pass-repeated-section.ini", folder);
	ck_assert_int_eq(config_load(path, &config, error), 0);
	ck_assert_str_eq(config.listen.text, "127.0.0.1:7600");
	ck_assert_str_eq(config.pager_listen.text, "127.0.0.1:7601");
	ck_assert_str_eq(config.socket_path, "/run/norma/hostd.sock");
	ck_assert_msg(strstr(config.vmm_path, "/norma-vmm") != NULL, "%s", config.vmm_path);
}
END_TEST

START_TEST(missing_file_is_an_error)
{
	static struct config config;
	char error[CONFIG_ERROR_BYTES];

	ck_assert_int_lt(config_load("/nonexistent/norma.ini", &config, error), 0);
	ck_assert_msg(strstr(error, "cannot be opened") != NULL, "%s", error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/config");
	TCase *tests = tcase_create("config");

	folder = getenv("NORMA_TEST_CONFIGS");
	if (!folder)
		return 77;
	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, right_files_are_accepted);
	tcase_add_test(tests, wrong_files_are_refused_with_line_and_reason);
	tcase_add_test(tests, values_arrive);
	tcase_add_test(tests, own_entry_of_the_table_says_where_to_listen);
	tcase_add_test(tests, missing_file_is_an_error);
	return run_suite(suite);
}
