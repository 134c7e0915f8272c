/*
 * The checks of `norma doctor`. Each looks at one thing that running tasks needs and says what to
 * do when it is not there; none changes anything on the host.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_NUM_VERDICTS };

#define DOCTOR_MAX_TEXT 320

/* What a check found. */
struct doctor_finding {
	enum doctor_verdict verdict;
	char text[DOCTOR_MAX_TEXT];
	const char *advice; /* what to do; NULL when ok */
};

struct doctor_check {
	const char *name;
	void (*run)(struct doctor_finding *ret_finding);
};

/* Fills a finding. */
void doctor_find(struct doctor_finding *ret_finding, enum doctor_verdict verdict,
		 const char *advice, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* doctor_kernel.c */
void doctor_kvm(struct doctor_finding *ret_finding);
void doctor_userfaultfd(struct doctor_finding *ret_finding);
void doctor_io_uring(struct doctor_finding *ret_finding);
void doctor_memfd(struct doctor_finding *ret_finding);
void doctor_huge_pages(struct doctor_finding *ret_finding);
/* doctor_limits.c */
void doctor_address_space(struct doctor_finding *ret_finding);
void doctor_open_files(struct doctor_finding *ret_finding);
void doctor_memory(struct doctor_finding *ret_finding);
void doctor_namespaces(struct doctor_finding *ret_finding);
/* doctor_libvirt.c */
void doctor_cells(struct doctor_finding *ret_finding);
void doctor_kvm_for_libvirt(struct doctor_finding *ret_finding);
void doctor_libvirt(struct doctor_finding *ret_finding);
/* doctor_daemon.c */
void doctor_daemon(struct doctor_finding *ret_finding);
void doctor_hosts(struct doctor_finding *ret_finding);
/* doctor_cpu.c */
void doctor_cpu(struct doctor_finding *ret_finding);
#endif
