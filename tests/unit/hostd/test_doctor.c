/*
 * What `norma doctor` says of hosts that this one is not.
 */
#include <check.h>
#include <string.h>

#include "doctor_judge.h"
#include "run_suite.h"

#define KVM_GROUP 106

static const struct {
	struct doctor_libvirt_host host;
	enum doctor_verdict verdict;
	const char *says;
} hosts[] = {
    {{.has_kvm = true, .kvm_mode = 0600}, DOCTOR_OK, "runs no guests"},
    {{.has_libvirt = true}, DOCTOR_OK, "no /dev/kvm"},
    {{true, true, 0600, 0, false}, DOCTOR_WARN, "mode 0600"},
    {{true, true, 0600, KVM_GROUP, false}, DOCTOR_WARN, "takes seconds"},
    {{true, true, 0600, 0, true}, DOCTOR_OK, "may open"},
    {{true, true, 0660, KVM_GROUP, false}, DOCTOR_OK, "may open"},
    {{true, true, 0660, 0, false}, DOCTOR_WARN, "group 0"},
    {{true, true, 0640, KVM_GROUP, false}, DOCTOR_WARN, "mode 0640"},
    {{true, true, 0666, 0, false}, DOCTOR_OK, "may open"},
};

START_TEST(qemu_has_to_be_able_to_open_kvm)
{
	struct doctor_finding finding;

	doctor_judge_libvirt_kvm(&hosts[_i].host, &finding);
	ck_assert_int_eq(finding.verdict, hosts[_i].verdict);
	ck_assert_msg(strstr(finding.text, hosts[_i].says) != NULL, "%s", finding.text);
	ck_assert_int_eq(finding.advice != NULL, finding.verdict == DOCTOR_WARN);
}
END_TEST

static const struct {
	const char *conf;
	bool is_root;
} confs[] = {
    {"", false},
    {"user = \"root\"\n", true},
    {"  user=\"+0\"\n", true},
    {"user = \"0\"\ngroup = \"root\"\n", true},
    {"#user = \"root\"\n", false},
    {"group = \"root\"\n", false},
    {"user = \"libvirt-qemu\"\n", false},
    {"user = \"root\"\nuser = \"libvirt-qemu\"\n", false},
};

START_TEST(qemu_conf_says_who_qemu_is)
{
	char text[128];
	FILE *file;

	strcpy(text, confs[_i].conf);
	file = fmemopen(text, strlen(text) + 1, "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(doctor_qemu_is_root(file), confs[_i].is_root);
	fclose(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *cases = tcase_create("libvirt");

	tcase_add_loop_test(cases, qemu_has_to_be_able_to_open_kvm, 0,
			    sizeof(hosts) / sizeof(hosts[0]));
	tcase_add_loop_test(cases, qemu_conf_says_who_qemu_is, 0, sizeof(confs) / sizeof(confs[0]));
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
