/*
 * libnorma's own calls: running programs, their console, lists.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "norma.h"
#include "run_suite.h"

#define IMAGE_BYTES 150001u

static char image_path[64];
static uint8_t image[IMAGE_BYTES];

static void start(void)
{
	int fd;

	fake_start(FAKE_ANSWERS);
	ck_assert_msg(norma_connect(fake_path) == 0, "%s", norma_last_error());
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 13);
	strcpy(image_path, "/tmp/norma-test-image-XXXXXX");
	fd = mkstemp(image_path);
	ck_assert_int_eq(write(fd, image, sizeof(image)), (ssize_t)sizeof(image));
	close(fd);
}

static void stop(void)
{
	unlink(image_path);
	norma_disconnect();
	fake_stop();
}

static kern_return_t run(const char *path, task_t *ret_task)
{
	char *arguments[] = {image_path, "an argument", NULL};

	return norma_run(path, arguments, NULL, FAKE_NODE, ret_task);
}

START_TEST(an_image_arrives_whole_with_its_arguments)
{
	uint32_t path_bytes;
	task_t task;

	start();
	ck_assert_int_eq(run(image_path, &task), KERN_SUCCESS);
	ck_assert_uint_eq(task, FAKE_TASK);
	ck_assert_uint_eq(fake.image_bytes, IMAGE_BYTES);
	ck_assert_uint_eq(fake.image_received, IMAGE_BYTES);
	ck_assert(memcmp(fake.image, image, IMAGE_BYTES) == 0);
	path_bytes = (uint32_t)strlen(image_path) + 1;
	ck_assert_uint_eq(fake.strings_bytes, path_bytes + sizeof("an argument"));
	ck_assert_str_eq((const char *)fake.strings, image_path);
	ck_assert_str_eq((const char *)fake.strings + path_bytes, "an argument");
	ck_assert_uint_eq(fake.calls[MESSAGE_norma_run_start], 1);
	stop();
}
END_TEST

START_TEST(a_run_that_fails_half_way_leaves_no_task)
{
	static const uint16_t steps[] = {MESSAGE_norma_run_data, MESSAGE_norma_run_start};
	task_t task = 5;

	start();
	fake.refuse_type = steps[_i];
	ck_assert_int_eq(run(image_path, &task), KERN_NO_SPACE);
	ck_assert_uint_eq(task, 5);
	ck_assert_uint_eq(fake.calls[MESSAGE_task_terminate], 1);
	ck_assert_str_eq(norma_last_error(), FAKE_SENTENCE);
	stop();
}
END_TEST

START_TEST(an_image_that_cannot_be_read_is_named)
{
	task_t task;

	start();
	ck_assert_int_eq(run("/nonexistent/program", &task), KERN_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(
	    strstr(norma_last_error(), "/nonexistent/program cannot be read: No such file"));
	ck_assert_int_eq(run("/tmp", &task), KERN_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(norma_last_error(), "not a regular file"));
	ck_assert_uint_eq(fake.calls[MESSAGE_norma_run_begin], 0);
	stop();
}
END_TEST

START_TEST(arguments_over_the_limit_are_refused)
{
	static char long_argument[32769];
	char *arguments[] = {long_argument, NULL};
	task_t task;

	start();
	memset(long_argument, 'a', sizeof(long_argument) - 1);
	ck_assert_int_eq(norma_run(image_path, arguments, NULL, FAKE_NODE, &task),
			 KERN_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(norma_last_error(), "arguments are longer than 32768"));
	ck_assert_uint_eq(fake.calls[MESSAGE_norma_run_begin], 0);
	stop();
}
END_TEST

START_TEST(waiting_tells_how_the_task_ended)
{
	struct norma_task_end end;

	start();
	ck_assert_int_eq(norma_task_wait(FAKE_TASK, 10, &end), KERN_SUCCESS);
	ck_assert_int_eq(end.state, NORMA_TASK_EXCEPTION);
	ck_assert_int_eq(end.status, 129);
	ck_assert_str_eq(end.text, "it touched a hole");
	stop();
}
END_TEST

START_TEST(a_console_is_read_in_pieces_without_loss)
{
	struct norma_console console = {.task = FAKE_TASK};
	char output[16] = {0};
	size_t used = 0, bytes;

	start();
	do {
		ck_assert_int_eq(norma_console_read(&console, output + used, 4, &bytes),
				 KERN_SUCCESS);
		used += bytes;
		ck_assert_uint_eq(console.offset, used);
		ck_assert_int_eq(console.end, used == 10);
	} while (!console.end);
	ck_assert_str_eq(output, "0123456789");
	ck_assert_int_eq(console.stream, NORMA_STDERR);
	stop();
}
END_TEST

static void check_node(const struct norma_node_row *node)
{
	ck_assert_str_eq(node->address, "10.0.0.3");
	ck_assert_uint_eq(node->tasks, 2);
	ck_assert_uint_eq(node->cpus, 3);
	ck_assert_uint_eq(node->load_hundredths, 4);
	ck_assert_uint_eq(node->busy_permille, 5);
	ck_assert_uint_eq(node->cells, 6);
	ck_assert_int_eq(node->cells_add_up, TRUE);
	ck_assert_uint_eq(node->memory_bytes, 7ull << 33);
	ck_assert_uint_eq(node->available_bytes, 8ull << 33);
	ck_assert_uint_eq(node->limit_bytes, 9ull << 33);
	ck_assert_uint_eq(node->limit_left_bytes, 10ull << 33);
	ck_assert_uint_eq(node->huge_bytes, 11ull << 33);
	ck_assert_uint_eq(node->huge_free_bytes, 12ull << 33);
	ck_assert_uint_eq(node->guests, 13);
	ck_assert_uint_eq(node->guest_cpus, 14);
	ck_assert_uint_eq(node->guests_memory_bytes, 15ull << 33);
	ck_assert_uint_eq(node->guests_resident_bytes, 16ull << 33);
	ck_assert_int_eq(node->libvirt, NORMA_LIBVIRT_UP);
	ck_assert_int_eq(node->cpu_compatible, NORMA_CPU_INCOMPATIBLE);
	ck_assert_str_eq(node->cpu_vendor, "AuthenticAMD");
	ck_assert_str_eq(node->cpu_model, "AMD EPYC");
	ck_assert_str_eq(node->cpu_name, "EPYC-Milan");
	ck_assert_str_eq(node->libvirt_why, "libvirt 9.0.0");
}

START_TEST(lists_arrive_row_by_row)
{
	struct norma_task_row *tasks;
	struct norma_node_row *nodes;
	size_t count;

	start();
	ck_assert_int_eq(norma_task_list(FAKE_NODE, &tasks, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(tasks[1].task, 2);
	ck_assert_str_eq(tasks[1].image, "two");
	free(tasks);
	ck_assert_int_eq(norma_task_list(FAKE_NODE + 1, &tasks, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 0);
	free(tasks);
	ck_assert_int_eq(norma_node_list(&nodes, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(nodes[0].state, NORMA_NODE_SELF);
	check_node(&nodes[0]);
	free(nodes);
	stop();
}
END_TEST

START_TEST(every_return_code_has_its_own_sentence)
{
	for (kern_return_t code = KERN_SUCCESS; code <= KERN_OPERATION_TIMED_OUT; code++) {
		ck_assert_ptr_nonnull(mach_error_string(code));
		ck_assert_uint_gt(strlen(mach_error_string(code)), 0);
	}
	ck_assert_str_ne(mach_error_string(KERN_NODE_DOWN), mach_error_string(-1));
	ck_assert_str_ne(mach_error_string(KERN_NODE_DOWN), mach_error_string(KERN_FAILURE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client run");
	TCase *tests = tcase_create("run");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, an_image_arrives_whole_with_its_arguments);
	tcase_add_loop_test(tests, a_run_that_fails_half_way_leaves_no_task, 0, 2);
	tcase_add_test(tests, an_image_that_cannot_be_read_is_named);
	tcase_add_test(tests, arguments_over_the_limit_are_refused);
	tcase_add_test(tests, waiting_tells_how_the_task_ended);
	tcase_add_test(tests, a_console_is_read_in_pieces_without_loss);
	tcase_add_test(tests, lists_arrive_row_by_row);
	tcase_add_test(tests, every_return_code_has_its_own_sentence);
	return run_suite(suite);
}
