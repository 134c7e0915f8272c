/*
 * The smallest guest: no C library, one system call and three Mach calls.
 */
#include <string.h>
#include <sys/syscall.h>

#include <norma_guest.h>

static void print(const char *text)
{
	norma_system_call(SYS_write, 1, (long)text, (long)strlen(text));
}

static void print_number(unsigned long number, unsigned int base)
{
	char digits[21];
	char *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	print(at);
}

int main(void)
{
	vm_size_t page_bytes;
	int node;

	if (norma_node_self(mach_host_self(), &node) != KERN_SUCCESS ||
	    host_page_size(mach_host_self(), &page_bytes) != KERN_SUCCESS)
		return 1;
	print("hello from node ");
	print_number((unsigned long)node, 10);
	print(", task 0x");
	print_number(mach_task_self(), 16);
	print(", pages of ");
	print_number(page_bytes, 10);
	print(" bytes\n");
	return 0;
}
