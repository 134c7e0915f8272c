/*
 * Exits that leave KVM in the middle of an instruction. KVM_RUN with immediate_exit completes them
 * without running the guest, so that afterwards the registers are all there is.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vcpu_internal.h"

/* A vector store is eight fragments, twice that if it crosses a page; more means KVM does not end.
 */
#define FINISH_ROUNDS_MAX 32

static int run_immediate(struct vcpu *vcpu)
{
	uint8_t before = __atomic_exchange_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	int ret = ioctl(vcpu->fd, KVM_RUN, 0) ? -errno : 0;
	/* A kick that arrived meanwhile must stay visible to the next vcpu_run. */
	if (!before && !atomic_load(&vcpu->is_kicked))
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	return ret;
}

int vcpu_finish(struct vcpu *vcpu)
{
	for (int round = 0; round < FINISH_ROUNDS_MAX; round++) {
		int ret = run_immediate(vcpu);
		if (ret == -EINTR)
			return 0;
		if (ret)
			return ret;
	}
	return -EIO;
}

static void pending_append(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	uint32_t bytes = run->mmio.len;
	if (bytes > sizeof(run->mmio.data) || vcpu->pending_bytes + bytes > VCPU_PENDING_BYTES_MAX)
		return;
	if (vcpu->pending_bytes == 0)
		vcpu->pending_gpa = run->mmio.phys_addr;
	memcpy(vcpu->pending + vcpu->pending_bytes, run->mmio.data, bytes);
	vcpu->pending_bytes = (uint8_t)(vcpu->pending_bytes + bytes);
}

/* The made-up data may have raised an exception in the emulated instruction (a division, say). */
int vcpu_events_drop(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events))
		return -errno;
	memset(&events.exception, 0, sizeof(events.exception));
	events.flags &= ~(uint32_t)KVM_VCPUEVENT_VALID_PAYLOAD;
	return ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events) ? -errno : 0;
}

/* A load has not changed anything yet: let KVM finish it with arbitrary data and put the registers
 * back, then the instruction can be started again. A store comes after KVM has updated the
 * registers: keep its bytes. */
int vcpu_finish_mmio(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct kvm_run *run = vcpu->run;
	exit->kind = VCPU_EXIT_FAULT;
	exit->is_address_known = 1;
	exit->address = run->mmio.phys_addr;
	exit->is_write_pending = run->mmio.is_write;
	exit->bytes = run->mmio.len;
	vcpu->pending_bytes = 0;
	for (int round = 0; round < FINISH_ROUNDS_MAX && run->exit_reason == KVM_EXIT_MMIO;
	     round++) {
		if (exit->is_write_pending && run->mmio.is_write)
			pending_append(vcpu);
		if (run_immediate(vcpu))
			break;
	}
	vcpu->is_sregs_dirty = 1;
	if (!exit->is_write_pending)
		return vcpu_events_drop(vcpu);
	exit->bytes = vcpu->pending_bytes;
	vcpu_registers_load(vcpu);
	return 0;
}

int vcpu_pending_write_flush(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	if (!vcpu->pending_bytes)
		return 0;
	int ret =
	    guest_copy_out(vcpu->machine, vcpu->pending_gpa, vcpu->pending, vcpu->pending_bytes);
	if (!ret) {
		vcpu->pending_bytes = 0;
		return 0;
	}
	exit->kind = VCPU_EXIT_FAULT;
	exit->is_address_known = 1;
	exit->is_write_pending = 1;
	exit->address = vcpu->pending_gpa;
	exit->bytes = vcpu->pending_bytes;
	return ret;
}

void vcpu_pending_write_drop(struct vcpu *vcpu)
{
	vcpu->pending_bytes = 0;
	vcpu->is_events_stale = 1;
}
