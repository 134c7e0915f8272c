/*
 * Making the tree.
 */
#include "fake_facts.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KIB_PER_MIB 1024u

void facts_make(char root[64])
{
	snprintf(root, 64, "/tmp/norma-facts-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

void facts_remove(const char *root)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void facts_put(const char *root, const char *path, const char *text)
{
	char full[512], fresh[520];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(full, 0700);
		*slash = '/';
	}
	/* Whoever reads it meanwhile gets all of it, or what was there before. */
	snprintf(fresh, sizeof(fresh), "%s.new", full);
	file = fopen(fresh, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(rename(fresh, full), 0);
}

void facts_memory(const char *root, unsigned int mib)
{
	unsigned int kib = mib * KIB_PER_MIB;
	char text[128];

	snprintf(text, sizeof(text), "MemTotal: %u kB\nMemFree: %u kB\nMemAvailable: %u kB\n", kib,
		 kib, kib);
	facts_put(root, "proc/meminfo", text);
	facts_put(root, "sys/devices/system/cpu/online", "0-3\n");
}

void facts_cell(const char *root, unsigned int cell, unsigned int mib, unsigned int free_mib)
{
	char path[128], text[128];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", cell);
	snprintf(text, sizeof(text), "Node %u MemTotal: %u kB\nNode %u MemFree: %u kB\n", cell,
		 mib * KIB_PER_MIB, cell, free_mib * KIB_PER_MIB);
	facts_put(root, path, text);
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", cell);
	facts_put(root, path, "0-1\n");
}
