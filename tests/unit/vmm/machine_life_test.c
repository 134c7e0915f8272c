/*
 * Machines come and go without a trace, and one that cannot be made says at which step.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine_harness.h"
#include "run_suite.h"

static struct harness harness;

static void setup(void)
{
	harness_setup(&harness);
}

static void teardown(void)
{
	harness_teardown(&harness);
}

static int lines_in(const char *path)
{
	int lines = 0, c;
	FILE *file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static int open_descriptors(void)
{
	int count = 0;
	DIR *directory = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void machine_make_and_drop(void)
{
	struct machine machine;
	struct vcpu *vcpus[3];
	const char *step;
	ck_assert_int_eq(machine_init(&machine, &harness.host, &step), 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(vcpu_create(&machine, i, &vcpus[i], &step), 0);
	vcpu_put(vcpus[1]);
	ck_assert_int_eq(machine_slot_ensure(&machine, NORMA_USER_START), 0);
	machine_done(&machine);
}

START_TEST(a_machine_leaves_nothing)
{
	machine_make_and_drop();
	int descriptors = open_descriptors(), mappings = lines_in("/proc/self/maps");
	for (int i = 0; i < 20; i++)
		machine_make_and_drop();
	ck_assert_int_eq(open_descriptors(), descriptors);
	ck_assert_int_eq(lines_in("/proc/self/maps"), mappings);
}
END_TEST

/* The host's descriptors made useless one after the other: each step fails in words, without a
 * trace. */
START_TEST(a_machine_that_fails_leaves_nothing)
{
	struct machine machine;
	struct machine_host broken = harness.host;
	const char *step = NULL;
	int descriptors = open_descriptors(), mappings = lines_in("/proc/self/maps");
	broken.kvm_fd = -1;
	ck_assert_int_eq(machine_init(&machine, &broken, &step), -EBADF);
	ck_assert_str_eq(step, "creating the virtual machine");
	broken = harness.host;
	broken.system_image_fd = -1;
	ck_assert_int_eq(machine_init(&machine, &broken, &step), -EBADF);
	ck_assert_str_eq(step, "mapping the system image");
	broken = harness.host;
	broken.slots_max = 0;
	ck_assert_int_eq(machine_init(&machine, &broken, &step), -ENOSPC);
	ck_assert_str_eq(step, "giving the virtual machine its system area");
	ck_assert_int_eq(open_descriptors(), descriptors);
	ck_assert_int_eq(lines_in("/proc/self/maps"), mappings);
}
END_TEST

START_TEST(a_vcpu_that_fails_leaves_nothing)
{
	struct machine_host broken = harness.host;
	const char *step = NULL;
	struct vcpu *vcpu = NULL;
	int descriptors = open_descriptors();
	broken.cpuid.head.nent = UINT32_MAX;
	harness.machine.host = &broken;
	ck_assert_int_ne(vcpu_create(&harness.machine, 1, &vcpu, &step), 0);
	ck_assert_str_eq(step, "giving the vCPU its CPUID table");
	ck_assert_ptr_null(vcpu);
	harness.machine.host = &harness.host;
	ck_assert_int_eq(open_descriptors(), descriptors);
}
END_TEST

START_TEST(a_bad_host_is_refused)
{
	struct machine_host host;
	const char *step = NULL;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_lt(machine_host_open(&host, fd, &step), 0);
	ck_assert_str_eq(step, "checking the system image");
	machine_host_close(&host);
	close(fd);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_life");
	TCase *c = tcase_create("life");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_machine_leaves_nothing);
	tcase_add_test(c, a_machine_that_fails_leaves_nothing);
	tcase_add_test(c, a_vcpu_that_fails_leaves_nothing);
	tcase_add_test(c, a_bad_host_is_refused);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
