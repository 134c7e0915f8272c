/*
 * The /proc and /sys of hosts that this one is not, for config.facts_root.
 */
#ifndef HOSTD_FAKE_FACTS_H
#define HOSTD_FAKE_FACTS_H

/* Makes an empty tree, for facts_remove(). */
void facts_make(char root[64]);
void facts_remove(const char *root);

/* Writes a file of the tree, with the folders above it. */
void facts_put(const char *root, const char *path, const char *text);

/* A host with so much memory, all of it available. */
void facts_memory(const char *root, unsigned int mib);
/* A NUMA cell with processors, of that size and with so much free. */
void facts_cell(const char *root, unsigned int cell, unsigned int mib, unsigned int free_mib);

#endif
