/*
 * The signals a running vCPU needs: the kick, SIGBUS for a poisoned page, and SIGBUS and SIGSEGV
 * where the VMM copies from and to the task's memory.
 *
 * Theory of operation of the kick. kick: is_kicked = 1, then immediate_exit = 1, then the signal.
 * run: on EINTR immediate_exit is exchanged with 0, and only then is_kicked with 0. The exchange
 * that reads the kicker's 1 also sees its is_kicked, so a kick is never lost; a kick that lands
 * between the two exchanges leaves immediate_exit set without is_kicked, which costs the next entry
 * one empty round.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vcpu_internal.h"

_Thread_local struct vcpu *vcpu_current;
_Thread_local int vcpu_thread_number;

int vcpu_kick_signal(void)
{
	return SIGRTMIN + 1;
}

static void kick_handler(int signal)
{
	(void)signal;
}

/* Poison is raised inside KVM_RUN for the page's host address; anything else is a bug in this
 * process. */
static void fault_handler(int signal_number, siginfo_t *info, void *context)
{
	if (guest_copy_recover(context))
		return;
	struct vcpu *vcpu = vcpu_current;
	uint64_t hva = (uintptr_t)info->si_addr;
	if (vcpu && signal_number == SIGBUS &&
	    (info->si_code == BUS_MCEERR_AR || info->si_code == BUS_MCEERR_AO) &&
	    hva - (uintptr_t)vcpu->machine->reservation < NORMA_USER_END) {
		vcpu->poison_hva = hva;
		return;
	}
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

int vcpu_signals_install(void)
{
	struct sigaction kick = {.sa_handler = kick_handler};
	struct sigaction fault = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO};
	sigemptyset(&kick.sa_mask);
	sigemptyset(&fault.sa_mask);
	if (sigaction(vcpu_kick_signal(), &kick, NULL) || sigaction(SIGBUS, &fault, NULL) ||
	    sigaction(SIGSEGV, &fault, NULL))
		return -errno;
	return 0;
}

void vcpu_kick(struct vcpu *vcpu)
{
	atomic_store(&vcpu->is_kicked, 1);
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	int tid = atomic_load(&vcpu->tid);
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, vcpu_kick_signal());
}

void vcpu_kick_clear(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	atomic_store(&vcpu->is_kicked, 0);
}
