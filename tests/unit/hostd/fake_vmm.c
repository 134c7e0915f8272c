/*
 * A stand-in for norma-vmm that speaks its protocol without a VM. The "program" it runs is the text
 * of norma_run_data, carried out at norma_run_start:
 *
 *   out TEXT     TEXT on standard output      err TEXT    on standard error
 *   flood N      N outputs of 1024 bytes      exit N      the program ends with status N
 *   die          the VMM dies by a signal     quit        the VMM exits without a word
 *
 * Like the real one, it says that it ended when all its output was answered.
 *
 * task_info tells what the test wants to know: virtual_size is the number of exports begun,
 * resident_size of those ended, suspend_count of ranges that are mapped; base_priority, policy,
 * user_time (hold_exceptions) and system_time (limit_memory_bytes) are properties; the upper half
 * of user_time is the number of exports that ended because nobody took what they gave; owner_uid is
 * the memory's NUMA cell. task_suspend makes the "guest" call task_create on itself and answers
 * with what that answered.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fake_script.h"
#include "message/names.h"
#include "zygote.h"

struct fake_vmm {
	struct link link;
	uint32_t task;
	char program[4096];
	unsigned int exports, export_ends, export_refusals;
	unsigned int ranges; /* imported and not deallocated */
	struct task_properties properties;
	int memory_cell;
	unsigned int outputs; /* not answered */
	int status;	      /* -1 while the program runs */
	uint64_t sequence;
	uint64_t suspend_sequence; /* of the task_suspend that waits */
	uint8_t scratch[128 * 1024] __attribute__((aligned(8)));
	uint8_t payload[MESSAGE_MAX_PAYLOAD];
};

#define encode(vmm, name, value)                                                                   \
	({                                                                                         \
		struct wire_writer writer_;                                                        \
		wire_writer_init(&writer_, (vmm)->payload, sizeof((vmm)->payload));                \
		name##_encode(&writer_, value);                                                    \
		writer_.used;                                                                      \
	})

#define decode(vmm, name, message, value)                                                          \
	({                                                                                         \
		struct wire_reader reader_;                                                        \
		wire_reader_init(&reader_, (message)->payload, (message)->header.bytes,            \
				 (vmm)->scratch, sizeof((vmm)->scratch));                          \
		name##_decode(&reader_, value);                                                    \
		if (wire_reader_end(&reader_)) {                                                   \
			fprintf(stderr, "fake_vmm: malformed " #name "\n");                        \
			exit(3);                                                                   \
		}                                                                                  \
	})

static void ask(struct fake_vmm *vmm, uint16_t type, size_t bytes)
{
	struct message_header header = {.type = type, .sequence = ++vmm->sequence};

	link_send(&vmm->link, &header, vmm->payload, bytes, NULL, 0);
}

static void output(struct fake_vmm *vmm, uint32_t stream, const char *data, size_t bytes)
{
	struct vmm_console_output_request request = {
	    .stream = stream,
	    .data = {(const uint8_t *)data, (uint32_t)bytes},
	};

	vmm->outputs++;
	ask(vmm, MESSAGE_vmm_console_output, encode(vmm, vmm_console_output_request, &request));
}

static void flood(struct fake_vmm *vmm, int count)
{
	char block[1024];

	for (int i = 0; i < count; i++) {
		memset(block, 'a' + i % 26, sizeof(block));
		output(vmm, CONSOLE_STDOUT, block, sizeof(block));
	}
}

static void tell_end(struct fake_vmm *vmm)
{
	struct vmm_ended_request request = {.state = TASK_STATE_EXITED, .status = vmm->status};

	if (vmm->status < 0 || vmm->outputs)
		return;
	ask(vmm, MESSAGE_vmm_ended, encode(vmm, vmm_ended_request, &request));
}

static void run_line(struct fake_vmm *vmm, const char *line)
{
	if (!strncmp(line, "out ", 4))
		output(vmm, CONSOLE_STDOUT, line + 4, strlen(line + 4));
	else if (!strncmp(line, "err ", 4))
		output(vmm, CONSOLE_STDERR, line + 4, strlen(line + 4));
	else if (!strncmp(line, "flood ", 6))
		flood(vmm, atoi(line + 6));
	else if (!strncmp(line, "exit ", 5))
		vmm->status = atoi(line + 5);
	else if (!strcmp(line, "die"))
		raise(SIGKILL);
	else if (!strcmp(line, "quit"))
		exit(7);
}

static void run_program(struct fake_vmm *vmm)
{
	char *rest = vmm->program, *line;

	while ((line = strsep(&rest, "\n")))
		run_line(vmm, line);
	tell_end(vmm);
}

static void answer_become(struct fake_vmm *vmm, const struct link_message *message)
{
	struct vmm_become_request become;
	struct vmm_become_reply reply = {0};

	decode(vmm, vmm_become_request, message, &become);
	if (become.properties_count != 1)
		exit(6);
	if (become.regions_count && (become.regions_count != 2 || become.regions[1].object != 2))
		exit(4);
	vmm->task = become.task;
	vmm->properties = become.properties[0];
	vmm->memory_cell = become.memory_cell;
	fake_reply(&vmm->link, message, vmm->payload, encode(vmm, vmm_become_reply, &reply));
}

static void answer_run(struct fake_vmm *vmm, const struct link_message *message)
{
	struct norma_run_begin_reply begun = {.task = vmm->task};
	struct norma_run_start_reply started = {.thread = name_of_thread(vmm->task, 0)};
	struct norma_run_data_request data;

	if (message->header.type == MESSAGE_norma_run_begin) {
		fake_reply(&vmm->link, message, vmm->payload,
			   encode(vmm, norma_run_begin_reply, &begun));
	} else if (message->header.type == MESSAGE_norma_run_data) {
		decode(vmm, norma_run_data_request, message, &data);
		snprintf(vmm->program, sizeof(vmm->program), "%.*s", (int)data.data.bytes,
			 (const char *)data.data.data);
		fake_reply(&vmm->link, message, NULL, 0);
	} else {
		fake_reply(&vmm->link, message, vmm->payload,
			   encode(vmm, norma_run_start_reply, &started));
		run_program(vmm);
	}
}

static void answer_export(struct fake_vmm *vmm, const struct link_message *message)
{
	struct region_entry regions[2] = {
	    {.start = 0x10000, .bytes = 4096, .mapping = REGION_SHARED, .object = 1},
	    {.start = 0x20000, .bytes = 8192, .mapping = REGION_PRIVATE, .object = 2},
	};
	struct vmm_export_reply reply = {.pause_ns = 5, .regions = regions, .regions_count = 2};

	/* There is one export at a time: "the end of the export" says nothing else. */
	if (vmm->exports > vmm->export_ends)
		exit(5);
	vmm->exports++;
	fake_reply(&vmm->link, message, vmm->payload, encode(vmm, vmm_export_reply, &reply));
}

static void answer_properties(struct fake_vmm *vmm, const struct link_message *message)
{
	struct vmm_properties_request request;

	decode(vmm, vmm_properties_request, message, &request);
	if (request.properties_count != 1)
		exit(6);
	vmm->properties = request.properties[0];
	fake_reply(&vmm->link, message, NULL, 0);
}

/* The last page of a range is read-only and may not become executable. */
static void answer_export_range(struct fake_vmm *vmm, const struct link_message *message)
{
	struct vmm_export_range_request request;
	struct vmm_export_range_reply reply;
	struct region_entry regions[2];
	uint64_t first_bytes;

	decode(vmm, vmm_export_range_request, message, &request);
	if (vmm->exports > vmm->export_ends || request.bytes < 8192)
		exit(5);
	vmm->exports++;
	first_bytes = request.bytes - 4096;
	regions[0] = (struct region_entry){
	    .start = request.address, .bytes = first_bytes, .protection = 3, .max_protection = 7};
	regions[1] = (struct region_entry){.start = request.address + first_bytes,
					   .bytes = 4096,
					   .protection = 1,
					   .max_protection = 3};
	for (unsigned int i = 0; i < 2; i++)
		regions[i].mapping = request.copy ? REGION_PRIVATE : REGION_SHARED;
	reply = (struct vmm_export_range_reply){regions, 2};
	fake_reply(&vmm->link, message, vmm->payload, encode(vmm, vmm_export_range_reply, &reply));
}

static void answer_import_range(struct fake_vmm *vmm, const struct link_message *message)
{
	struct vmm_import_range_request request;
	struct vmm_import_range_reply reply;

	decode(vmm, vmm_import_range_request, message, &request);
	if (request.regions_count != 2 || request.address % 4096 || request.anywhere > 1)
		exit(4);
	vmm->ranges++;
	reply.address = request.anywhere ? 0x70000000 : request.address;
	fake_reply(&vmm->link, message, vmm->payload, encode(vmm, vmm_import_range_reply, &reply));
}

static void answer_deallocate(struct fake_vmm *vmm, const struct link_message *message)
{
	struct vm_deallocate_request request;

	decode(vmm, vm_deallocate_request, message, &request);
	if (!vmm->ranges || request.task != vmm->task || request.address != 0x70000000)
		exit(4);
	vmm->ranges--;
	fake_reply(&vmm->link, message, NULL, 0);
}

static void answer_export_end(struct fake_vmm *vmm, const struct link_message *message)
{
	struct vmm_export_end_request request;

	decode(vmm, vmm_export_end_request, message, &request);
	vmm->export_ends++;
	vmm->export_refusals += request.refused;
	fake_reply(&vmm->link, message, NULL, 0);
}

static void answer_info(struct fake_vmm *vmm, const struct link_message *message)
{
	struct task_info_reply info = {.virtual_size = vmm->exports,
				       .resident_size = vmm->export_ends,
				       .suspend_count = vmm->ranges,
				       .base_priority = vmm->properties.priority,
				       .policy = vmm->properties.policy,
				       .user_time = vmm->properties.hold_exceptions |
						    (uint64_t)vmm->export_refusals << 32,
				       .system_time = vmm->properties.limit_memory_bytes,
				       .owner_uid = (uint32_t)vmm->memory_cell};

	fake_reply(&vmm->link, message, vmm->payload, encode(vmm, task_info_reply, &info));
}

static void answer_threads(struct fake_vmm *vmm, const struct link_message *message)
{
	struct port_name thread = {name_of_thread(vmm->task, 0)};
	struct task_threads_reply threads = {&thread, 1};

	fake_reply(&vmm->link, message, vmm->payload, encode(vmm, task_threads_reply, &threads));
}

static void call_as_guest(struct fake_vmm *vmm, const struct link_message *message)
{
	struct task_create_request request = {.parent = vmm->task, .inherit_memory = 1};

	vmm->suspend_sequence = message->header.sequence;
	ask(vmm, MESSAGE_task_create, encode(vmm, task_create_request, &request));
}

static void take_reply(struct fake_vmm *vmm, const struct link_message *message)
{
	struct message_header header = {
	    .type = MESSAGE_task_suspend,
	    .flags = MESSAGE_REPLY,
	    .sequence = vmm->suspend_sequence,
	    .result = message->header.result,
	};

	if (message->header.type == MESSAGE_vmm_ended)
		exit(0);
	if (message->header.type == MESSAGE_vmm_console_output && vmm->outputs-- == 1)
		tell_end(vmm);
	if (message->header.type == MESSAGE_task_create)
		link_send(&vmm->link, &header, message->payload,
			  message->header.result ? message->header.bytes : 0, NULL, 0);
}

static void handle(struct fake_vmm *vmm, const struct link_message *message)
{
	switch (message->header.type) {
	case MESSAGE_vmm_become:
		answer_become(vmm, message);
		break;
	case MESSAGE_norma_run_begin:
	case MESSAGE_norma_run_data:
	case MESSAGE_norma_run_start:
		answer_run(vmm, message);
		break;
	case MESSAGE_vmm_export:
		answer_export(vmm, message);
		break;
	case MESSAGE_vmm_export_end:
		answer_export_end(vmm, message);
		break;
	case MESSAGE_vmm_properties:
		answer_properties(vmm, message);
		break;
	case MESSAGE_vmm_export_range:
		answer_export_range(vmm, message);
		break;
	case MESSAGE_vmm_import_range:
		answer_import_range(vmm, message);
		break;
	case MESSAGE_vm_deallocate:
		answer_deallocate(vmm, message);
		break;
	case MESSAGE_task_info:
		answer_info(vmm, message);
		break;
	case MESSAGE_task_threads:
		answer_threads(vmm, message);
		break;
	case MESSAGE_task_suspend:
		call_as_guest(vmm, message);
		break;
	default:
		fake_reply(&vmm->link, message, NULL, 0);
	}
}

/* A CPU with SSE3, SSSE3, SSE4, AVX, AVX2 and AVX-512 whose KVM applies the table. */
static int probe_cpu(struct fake_vmm *vmm, const char *clear)
{
	struct cpu_leaf leaves[] = {
	    {0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69},
	    {1, 0, 0x50654, 0x800, 0x1c180201, 0x178bfbff},
	    {7, 0, 0, 0x10020, 0, 0},
	    {0xd, 2, 0x100, 0x240, 0, 0},
	};
	struct cpu_probe_reply reply = {1, 7, 2000000, leaves, 4};
	struct message_header header = {.type = MESSAGE_cpu_probe, .flags = MESSAGE_REPLY};
	unsigned int leaf, subleaf, reg, bits;

	for (const char *at = clear; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		if (sscanf(at, "%x.%x.%x=%x", &leaf, &subleaf, &reg, &bits) != 4)
			continue;
		for (unsigned int i = 0; i < 4; i++)
			if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
				*(&leaves[i].eax + reg) &= ~bits;
	}
	return link_send(&vmm->link, &header, vmm->payload, encode(vmm, cpu_probe_reply, &reply),
			 NULL, 0) != 0;
}

/* Return: the control socket, of this process or of a copy. */
static int get_control_fd(int argc, char *argv[])
{
	struct zygote_copy copy;

	if (argc == 3 && !strcmp(argv[1], "--zygote")) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (zygote_serve(atoi(argv[2]), &copy) != 1)
			exit(0);
		return copy.control_fd;
	}
	if (argc != 5 || strcmp(argv[1], "--control") || strcmp(argv[3], "--pager"))
		exit(2);
	return atoi(argv[2]);
}

int main(int argc, char *argv[])
{
	static struct fake_vmm vmm;
	struct link_message message;
	int control_fd;

	vmm.status = -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 5 && !strcmp(argv[1], "--probe-cpu"))
		return link_init(&vmm.link, atoi(argv[2]), LINK_PACKET) || probe_cpu(&vmm, argv[4]);
	control_fd = get_control_fd(argc, argv);
	if (link_init(&vmm.link, control_fd, LINK_PACKET))
		return 2;
	for (;;) {
		fake_receive(&vmm.link, &message);
		if (message.header.flags & MESSAGE_REPLY)
			take_reply(&vmm, &message);
		else if (!fake_script_play(&vmm.link, &message))
			handle(&vmm, &message);
		link_message_done(&message);
	}
}
