/*
 * The baseline that this host agreed to, kept in a file of its state directory so that it outlives
 * the daemon: one line, written whole or not at all.
 */
#ifndef CPU_BASELINE_FILE_H
#define CPU_BASELINE_FILE_H

#include "cpu/feature_set.h"
#include "message/message.h"

struct config;

/* Return: 0; -ENOENT when there is none; -errno with a sentence in `error`. */
int baseline_file_read(const struct config *config, struct cpu_features *ret_baseline,
		       char error[MESSAGE_MAX_TEXT]);
int baseline_file_write(const struct config *config, const struct cpu_features *baseline,
			char error[MESSAGE_MAX_TEXT]);

#endif
