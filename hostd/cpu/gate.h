/*
 * May a task of one host run on another? Code in its memory has chosen instructions by what cpuid
 * showed it, so the other host must show at least as much. Two things are compared:
 *
 *   seen      what cpuid and xgetbv answer to a program there, measured by a probe guest. Nobody
 *             can take back what a program saw.
 *   promised  the features that a host's programs are told to count on: what they see without what
 *             the configuration hides, and without what the fleet's baseline leaves out.
 *
 * Where KVM applies the table that a vCPU is given, programs see what is promised; where it does
 * not (KVM-PVM), a baseline can only be agreed on, and what is seen decides.
 *
 * Leaf by leaf, the task's side against the host's:
 *
 *   0 ebx, ecx, edx     vendor              equal: libraries choose code by it
 *   1 eax               model               ignored: what it means for programs is in the features
 *   1 ebx 15..8         cache line          equal: code steps by it (clflush, clzero)
 *   1 ebx, others       APIC id, brand      ignored: differ per CPU
 *   1 ecx, edx          features            subset, but for SYSTEM bits (features.def)
 *   2, 4, 8000001d      caches              ignored: a matter of speed
 *   5, 6, a, 80000007   monitor, power, performance counters: of use to a kernel only; invtsc
 * subset 7.0, 7.1            features            subset, but for SYSTEM bits b, 1f, 8000001e
 * topology            ignored: differ per CPU d.0                 XCR0, sizes         xcr0 subset;
 * sizes follow from the components d.1 eax             features            subset d.2..62 XSAVE
 * components    size and offset equal for each one in xcr0 f, 10, 12, 14, 18   resource control,
 * SGX, tracing, TLBs: not there for CPL 3, or speed 15, 16, 4000000x    clock, hypervisor ignored;
 * the TSC's frequency is compared as KVM says it 80000001, 80000008  features            subset,
 * but for SYSTEM bits TSC frequency       equal within 250 ppm (KVM's own tolerance), when both
 * hosts know it
 */
#ifndef CPU_GATE_H
#define CPU_GATE_H

#include <stdbool.h>

#include "cpu/feature_set.h"
#include "message/message.h"
#include "cpu/table.h"

/* Reference-counted and never changed: a host's, and of each task that was shown it. */
struct cpu_identity {
	unsigned int references;
	struct cpu_table seen;
	struct cpu_features promised;
};

/* Return: one with a single reference, zeroed otherwise; NULL without memory. */
struct cpu_identity *cpu_identity_new(void);
struct cpu_identity *cpu_identity_get(struct cpu_identity *identity);
/* Accepts NULL. */
void cpu_identity_put(struct cpu_identity *identity);

/*
 * The identity of a task that ran with `task` and goes on, on a host with `host`: it may use what
 * both showed it. Return: NULL without memory.
 */
struct cpu_identity *cpu_identity_join(struct cpu_identity *task, struct cpu_identity *host);

/* What may differ for a task that stays on its host: a promise is between hosts. */
enum cpu_gate_scope { CPU_GATE_SEEN, CPU_GATE_ALL };

/*
 * Return: true when a task with `task` can run on a host with `host`, called `host_name`; otherwise
 * a sentence in `error`.
 */
bool cpu_gate_check(const struct cpu_identity *task, const struct cpu_identity *host,
		    enum cpu_gate_scope scope, const char *host_name, char error[MESSAGE_MAX_TEXT]);

#endif
