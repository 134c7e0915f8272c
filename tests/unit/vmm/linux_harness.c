/*
 * See linux_harness.h.
 */
#include "linux_harness.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_IS_MAPPED 0x80
#define FIRST_FREE     (UINT64_C(0x8000000) / 4096)

static int range_check(uint64_t address, uint64_t bytes)
{
	uint64_t end;
	return __builtin_add_overflow(address, bytes, &end) || end / 4096 > LINUX_HARNESS_PAGES
		   ? -ENOMEM
		   : 0;
}

static int is_free(const struct linux_harness *run, uint64_t page, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (run->pages[page + i])
			return 0;
	return 1;
}

static uint64_t find_free(const struct linux_harness *run, uint64_t count)
{
	for (uint64_t page = FIRST_FREE; page + count <= LINUX_HARNESS_PAGES; page += count)
		if (is_free(run, page, count))
			return page;
	return 0;
}

static void *host_address(const struct linux_harness *run, uint64_t address)
{
	return machine_hva(&run->harness->machine, address);
}

static int64_t host_map(void *context, const struct linux_map_request *request)
{
	struct linux_harness *run = context;
	uint64_t count = request->bytes / 4096, page = request->address / 4096;
	if (request->place == LINUX_MAP_ANYWHERE)
		page = find_free(run, count);
	if (page < NORMA_USER_START / 4096 || range_check(page * 4096, request->bytes))
		return -ENOMEM;
	if (request->place == LINUX_MAP_FIXED_FREE && !is_free(run, page, count))
		return -EEXIST;
	int sharing = request->sharing == LINUX_MAP_IS_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (mmap(host_address(run, page * 4096), request->bytes, request->protection & ~PROT_EXEC,
		 sharing | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	memset(run->pages + page, PAGE_IS_MAPPED | request->protection, count);
	int ret = harness_slots(&run->harness->machine, page * 4096, request->bytes);
	return ret ? ret : (int64_t)(page * 4096);
}

static int host_unmap(void *context, uint64_t address, uint64_t bytes)
{
	struct linux_harness *run = context;
	if (range_check(address, bytes))
		return -EINVAL;
	memset(run->pages + address / 4096, 0, bytes / 4096);
	return mmap(host_address(run, address), bytes, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED
		   ? -errno
		   : 0;
}

static int all_mapped(const struct linux_harness *run, uint64_t address, uint64_t bytes)
{
	if (range_check(address, bytes))
		return 0;
	for (uint64_t i = 0; i < bytes / 4096; i++)
		if (!run->pages[address / 4096 + i])
			return 0;
	return 1;
}

static int host_protect(void *context, uint64_t address, uint64_t bytes, int protection)
{
	struct linux_harness *run = context;
	if (!all_mapped(run, address, bytes))
		return -ENOMEM;
	memset(run->pages + address / 4096, PAGE_IS_MAPPED | protection, bytes / 4096);
	return mprotect(host_address(run, address), bytes, protection & ~PROT_EXEC) ? -errno : 0;
}

static int host_discard(void *context, uint64_t address, uint64_t bytes)
{
	struct linux_harness *run = context;
	if (!all_mapped(run, address, bytes))
		return -ENOMEM;
	return madvise(host_address(run, address), bytes, MADV_DONTNEED) ? -errno : 0;
}

static int host_copy_in(void *context, uint64_t address, void *buffer, size_t bytes)
{
	const struct linux_harness *run = context;
	return guest_copy_in(&run->harness->machine, address, buffer, bytes);
}

static int host_copy_out(void *context, uint64_t address, const void *buffer, size_t bytes)
{
	const struct linux_harness *run = context;
	return guest_copy_out(&run->harness->machine, address, buffer, bytes);
}

static int64_t host_console_write(void *context, int stream, const void *buffer, size_t bytes)
{
	struct linux_harness *run = context;
	size_t room = sizeof(run->output) - 1 - run->output_bytes;
	(void)stream;
	if (bytes > room)
		bytes = room;
	memcpy(run->output + run->output_bytes, buffer, bytes);
	run->output_bytes += bytes;
	return bytes ? (int64_t)bytes : -ENOSPC;
}

static int64_t host_console_read(void *context, void *buffer, size_t bytes)
{
	struct linux_harness *run = context;
	if (bytes > run->input_bytes)
		bytes = run->input_bytes;
	if (bytes)
		memcpy(buffer, run->input, bytes);
	run->input += bytes;
	run->input_bytes -= bytes;
	return (int64_t)bytes;
}

static int host_console_wait(void *context, int64_t timeout_ns)
{
	(void)context;
	(void)timeout_ns;
	return 1;
}

static int host_clock_get(void *context, clockid_t clock, struct timespec *now)
{
	(void)context;
	return clock_gettime(clock, now) ? -errno : 0;
}

static int host_random(void *context, void *buffer, size_t bytes)
{
	(void)context;
	return getrandom(buffer, bytes, 0) == (ssize_t)bytes ? 0 : -EIO;
}

static void host_before_wait(void *context)
{
	(void)context;
}

void linux_harness_init(struct linux_harness *run, struct harness *harness)
{
	memset(run, 0, sizeof(*run));
	run->harness = harness;
	run->host = (struct linux_host){
	    .context = run,
	    .map = host_map,
	    .unmap = host_unmap,
	    .protect = host_protect,
	    .discard = host_discard,
	    .copy_in = host_copy_in,
	    .copy_out = host_copy_out,
	    .console_write = host_console_write,
	    .console_read = host_console_read,
	    .console_wait = host_console_wait,
	    .clock_get = host_clock_get,
	    .random = host_random,
	    .before_wait = host_before_wait,
	};
	/* The harness of the machine tests has mapped something where programs go. */
	harness_unmap(harness, HARNESS_CODE, HARNESS_CODE_BYTES);
	harness_unmap(harness, HARNESS_DATA, HARNESS_DATA_BYTES);
}

static struct linux_harness_run run_to_end(struct linux_harness *run)
{
	struct linux_harness_run result = {0};
	struct thread_state *state = vcpu_state(run->harness->vcpu);
	while (result.outcome.kind == LINUX_CONTINUE) {
		ck_assert_int_eq(vcpu_run(run->harness->vcpu, &result.last_exit), 0);
		if (result.last_exit.kind != VCPU_EXIT_SYSCALL)
			break;
		run->syscall_count++;
		result.outcome = linux_syscall(&run->thread, state);
	}
	return result;
}

static struct linux_harness_run load_and_run(struct linux_harness *run, const char *path,
					     const struct linux_program *program)
{
	struct linux_program_loaded loaded;
	int ret = linux_program_load(program, &run->host, &loaded, run->why);
	if (ret)
		return (struct linux_harness_run){.load_error = ret};
	ck_assert_int_eq(
	    linux_task_init(&run->task, &run->host, path, loaded.brk_start, loaded.brk_limit), 0);
	ck_assert_int_eq(linux_thread_init(&run->thread, &run->task, LINUX_PID), 0);
	*vcpu_state(run->harness->vcpu) = loaded.state;
	struct linux_harness_run result = run_to_end(run);
	linux_thread_done(&run->thread);
	linux_task_done(&run->task);
	return result;
}

struct linux_harness_run linux_harness_program(struct linux_harness *run, const char *path,
					       const char *const *arguments)
{
	static const char *const environment[] = {"PATH=/bin", "HOME=/", NULL};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(fstat(fd, &st), 0);
	void *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	struct linux_program program = {file, (size_t)st.st_size, arguments, environment};
	struct linux_harness_run result = load_and_run(run, path, &program);
	munmap(file, (size_t)st.st_size);
	close(fd);
	return result;
}
