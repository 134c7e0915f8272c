/*
 * Life of a vCPU and the accessors to its state. Running it is in vcpu_run.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vcpu_internal.h"

void vcpu_destroy(struct vcpu *vcpu)
{
	if (!vcpu)
		return;
	if (vcpu->run)
		munmap(vcpu->run, vcpu->machine->host->run_bytes);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	free(vcpu);
}

static int vcpu_open(struct vcpu *vcpu, const char **ret_step)
{
	const struct machine *machine = vcpu->machine;
	*ret_step = "creating the vCPU";
	vcpu->fd = ioctl(machine->vm_fd, KVM_CREATE_VCPU, (unsigned long)vcpu->index);
	if (vcpu->fd < 0)
		return -errno;
	*ret_step = "mapping the vCPU's run area";
	void *run =
	    mmap(NULL, machine->host->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	return vcpu_setup(vcpu, ret_step);
}

static int vcpu_new(struct machine *machine, uint32_t index, struct vcpu **ret_vcpu,
		    const char **ret_step)
{
	*ret_step = "allocating the vCPU";
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return -ENOMEM;
	vcpu->machine = machine;
	vcpu->index = index;
	vcpu->fd = -1;
	vcpu->is_sregs_dirty = 1;
	vcpu->code_block = vcpu->stack_block = UINT64_MAX;
	int ret = vcpu_open(vcpu, ret_step);
	if (ret) {
		vcpu_destroy(vcpu);
		return ret;
	}
	*ret_vcpu = vcpu;
	return 0;
}

static int vcpu_create_locked(struct machine *machine, uint32_t index, const char **ret_step)
{
	struct vcpu *vcpu = machine->vcpus[index];
	int ret;
	if (vcpu && vcpu->is_in_use) {
		*ret_step = "taking a vCPU number that is in use";
		return -EBUSY;
	}
	if (vcpu) {
		*ret_step = "resetting the vCPU";
		ret = vcpu_reset(vcpu);
	} else {
		ret = vcpu_new(machine, index, &vcpu, ret_step);
	}
	if (ret)
		return ret;
	vcpu->is_in_use = 1;
	machine->vcpus[index] = vcpu;
	return 0;
}

int vcpu_create(struct machine *machine, uint32_t index, struct vcpu **ret_vcpu,
		const char **ret_step)
{
	if (index >= NORMA_VCPUS_MAX || index >= machine->host->vcpus_max) {
		*ret_step = "taking a vCPU number above the limit";
		return -EINVAL;
	}
	pthread_mutex_lock(&machine->lock);
	int ret = vcpu_create_locked(machine, index, ret_step);
	if (!ret) {
		*ret_vcpu = machine->vcpus[index];
		*ret_step = NULL;
	}
	pthread_mutex_unlock(&machine->lock);
	return ret;
}

void vcpu_put(struct vcpu *vcpu)
{
	if (!vcpu)
		return;
	pthread_mutex_lock(&vcpu->machine->lock);
	vcpu->is_in_use = 0;
	pthread_mutex_unlock(&vcpu->machine->lock);
}

int vcpu_reset(struct vcpu *vcpu)
{
	int ret = vcpu_finish(vcpu);
	if (ret)
		return ret;
	memset(&vcpu->state, 0, sizeof(vcpu->state));
	vcpu->is_sregs_dirty = 1;
	vcpu_pending_write_drop(vcpu);
	vcpu_kick_clear(vcpu);
	return vcpu_xsave_set(vcpu, vcpu->machine->host->xsave_reset,
			      vcpu->machine->host->xsave_bytes);
}

uint32_t vcpu_index(const struct vcpu *vcpu)
{
	return vcpu->index;
}

struct machine *vcpu_machine(const struct vcpu *vcpu)
{
	return vcpu->machine;
}

uint64_t vcpu_xcr0(const struct vcpu *vcpu)
{
	return vcpu->xcr0;
}

uint32_t vcpu_tsc_khz(const struct vcpu *vcpu)
{
	int khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);
	return khz > 0 ? (uint32_t)khz : 0;
}

struct thread_state *vcpu_state(struct vcpu *vcpu)
{
	return &vcpu->state;
}

int vcpu_xsave_get(struct vcpu *vcpu, void *area, size_t bytes)
{
	if (bytes != vcpu->machine->host->xsave_bytes)
		return -EINVAL;
	unsigned long request = bytes > sizeof(struct kvm_xsave) ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;
	return ioctl(vcpu->fd, request, area) ? -errno : 0;
}

int vcpu_xsave_set(struct vcpu *vcpu, const void *area, size_t bytes)
{
	if (bytes != vcpu->machine->host->xsave_bytes)
		return -EINVAL;
	return ioctl(vcpu->fd, KVM_SET_XSAVE, area) ? -errno : 0;
}
