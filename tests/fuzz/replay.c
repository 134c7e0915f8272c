/*
 * Runs a harness on files, for builds without libFuzzer: what a seed once found stays found.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEED_MAX_BYTES (1024u * 1024u)

/* Return: 1 when the file was run. */
static int replay(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	uint8_t *room = malloc(SEED_MAX_BYTES), *exact;
	ssize_t bytes = fd >= 0 && room ? read(fd, room, SEED_MAX_BYTES) : -1;

	if (fd >= 0)
		close(fd);
	/* A block of exactly the seed's size: a sanitizer sees reads behind it. */
	exact = bytes >= 0 ? malloc(bytes ? (size_t)bytes : 1) : NULL;
	if (exact) {
		memcpy(exact, room, (size_t)bytes);
		LLVMFuzzerTestOneInput(exact, (size_t)bytes);
	}
	free(room);
	free(exact);
	return exact != NULL;
}

int main(int argc, char **argv)
{
	DIR *seeds = argc > 1 ? opendir(argv[1]) : NULL;
	int runs = 0;

	if (!seeds) {
		fprintf(stderr, "usage: %s DIRECTORY-OF-SEEDS\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (struct dirent *entry; (entry = readdir(seeds));)
		if (entry->d_name[0] != '.')
			runs += replay(dirfd(seeds), entry->d_name);
	closedir(seeds);
	printf("%d seeds\n", runs);
	return runs ? EXIT_SUCCESS : EXIT_FAILURE;
}
