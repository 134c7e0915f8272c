/*
 * See service_family.h.
 */
#include "service_family.h"

#include <unistd.h>

struct world world;
struct task tasks[WORLD_MAX_HOSTS];
struct view views[WORLD_MAX_HOSTS];
uint64_t object;

void family_start(unsigned int hosts, uint64_t bytes)
{
	int memory = make_memory(bytes);

	world_start(&world, hosts);
	for (unsigned int i = 0; i < hosts; i++)
		task_open(&tasks[i], &world, i);
	views[0] = task_share(&tasks[0], OBJECT_COHERENT, memory, bytes, &object);
	close(memory);
	for (unsigned int i = 1; i < hosts; i++)
		views[i] = task_use(&tasks[i], object);
}

void family_stop(void)
{
	for (unsigned int i = world.host_count; i-- > 0;) {
		task_close(&tasks[i]);
		view_done(&views[i]);
	}
	for (unsigned int i = 0; i < world.host_count; i++)
		if (world.hosts[i].pid)
			world_await_objects(&world, i, 0);
	world_stop(&world);
}
