/*
 * Memory and huge pages, of the host and of its NUMA cells.
 */
#include <dirent.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "host_facts.h"
#include "sources.h"

#define CELLS "sys/devices/system/node"

/* Cells that differ from the total by more than this share of it do not add up. Memory that the
 * kernel keeps for itself explains a few thousandths. */
#define CELLS_TOLERANCE_DIVISOR 50

/* Adds the huge pages of one size below `folder`. */
static void read_page_size(const char *root, const char *folder, const char *entry,
			   struct snapshot_pages *pages, uint32_t *count)
{
	struct snapshot_pages size = {0};
	unsigned long kib;

	if (*count == SNAPSHOT_MAX_PAGE_SIZES || sscanf(entry, "hugepages-%lukB", &kib) != 1)
		return;
	size.page_bytes = (uint64_t)kib * 1024;
	if (source_number(&size.total, root, "%s/%s/nr_hugepages", folder, entry) ||
	    source_number(&size.free, root, "%s/%s/free_hugepages", folder, entry))
		return;
	pages[(*count)++] = size;
}

static int by_page_size(const void *a, const void *b)
{
	const struct snapshot_pages *first = a, *second = b;

	return first->page_bytes < second->page_bytes ? -1 : first->page_bytes > second->page_bytes;
}

static void read_pages(const char *root, const char *folder, struct snapshot_pages *pages,
		       uint32_t *ret_count)
{
	char path[4096];
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", root, folder);
	directory = opendir(path);
	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));)
		read_page_size(root, folder, entry->d_name, pages, ret_count);
	closedir(directory);
	qsort(pages, *ret_count, sizeof(*pages), by_page_size);
}

static void read_cell(const char *root, unsigned int id, struct snapshot_memory *memory)
{
	struct snapshot_cell cell = {.id = id};
	uint64_t active_file = 0, inactive_file = 0, reclaimable = 0;
	const struct source_field fields[] = {
	    {"MemTotal", &cell.memory_bytes}, {"MemFree", &cell.free_bytes},
	    {"Active(file)", &active_file},   {"Inactive(file)", &inactive_file},
	    {"SReclaimable", &reclaimable},   {0},
	};
	char text[4096];
	FILE *file = source_open(root, CELLS "/node%u/meminfo", id);

	if (!file)
		return;
	source_fields_kib(file, fields);
	fclose(file);
	/* As the kernel estimates MemAvailable: about half of what could be dropped stays needed.
	 */
	cell.available_bytes = cell.free_bytes + (active_file + inactive_file + reclaimable) / 2;
	if (source_line(text, sizeof(text), root, CELLS "/node%u/cpulist", id) == 0)
		cell.cpus = source_list_count(text);
	snprintf(text, sizeof(text), CELLS "/node%u/hugepages", id);
	read_pages(root, text, cell.pages, &cell.page_size_count);
	memory->cells[memory->cell_count++] = cell;
}

/* Cells that this process's control group leaves to it; all when the kernel does not say. */
static void read_allowed(const char *root, struct snapshot_memory *memory)
{
	FILE *file = source_open(root, "proc/self/status");
	char line[4096], list[1024] = "";

	while (file && !list[0] && fgets(line, sizeof(line), file))
		if (sscanf(line, "Mems_allowed_list: %1023s", list) != 1)
			list[0] = 0;
	if (file)
		fclose(file);
	for (uint32_t i = 0; i < memory->cell_count; i++)
		memory->cells[i].is_allowed =
		    !list[0] || source_list_has(list, memory->cells[i].id);
}

static int by_id(const void *a, const void *b)
{
	const struct snapshot_cell *first = a, *second = b;

	return first->id < second->id ? -1 : first->id > second->id;
}

static void read_cells(const char *root, struct snapshot_memory *memory)
{
	char path[4096];
	DIR *directory;
	uint64_t sum = 0, difference;

	snprintf(path, sizeof(path), "%s/" CELLS, root);
	directory = opendir(path);
	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		unsigned int id;

		if (memory->cell_count < SNAPSHOT_MAX_CELLS &&
		    sscanf(entry->d_name, "node%u", &id) == 1)
			read_cell(root, id, memory);
	}
	closedir(directory);
	qsort(memory->cells, memory->cell_count, sizeof(memory->cells[0]), by_id);
	read_allowed(root, memory);
	for (uint32_t i = 0; i < memory->cell_count; i++)
		sum += memory->cells[i].memory_bytes;
	difference =
	    sum > memory->total_bytes ? sum - memory->total_bytes : memory->total_bytes - sum;
	memory->cells_add_up =
	    memory->cell_count && difference <= memory->total_bytes / CELLS_TOLERANCE_DIVISOR;
}

void host_memory_read(const char *root, struct snapshot_memory *memory)
{
	const struct source_field fields[] = {
	    {"MemTotal", &memory->total_bytes},
	    {"MemFree", &memory->free_bytes},
	    {"MemAvailable", &memory->available_bytes},
	    {0},
	};
	FILE *file = source_open(root, "proc/meminfo");

	if (file) {
		source_fields_kib(file, fields);
		fclose(file);
	}
	read_pages(root, "sys/kernel/mm/hugepages", memory->pages, &memory->page_size_count);
	read_cells(root, memory);
	host_limit_read(root, memory);
}
