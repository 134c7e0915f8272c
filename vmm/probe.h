/*
 * norma-vmm --probe-cpu: no task, but one message that says what programs on this host see.
 */
#ifndef VMM_PROBE_H
#define VMM_PROBE_H

/*
 * Runs the probe guest with the table that tasks get under `cpu_clear` (NULL: all of it) and sends
 * cpu_probe on the socket. Return: the process's exit status; what failed was logged.
 */
int probe_main(int take_fd, const char *cpu_clear);

#endif
