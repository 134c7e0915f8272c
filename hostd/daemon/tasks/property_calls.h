/*
 * Handlers of the calls about a task's ports, priority, limits and exceptions. Each answers the
 * request.
 */
#ifndef DAEMON_PROPERTY_CALLS_H
#define DAEMON_PROPERTY_CALLS_H

struct link_message;
struct request;

void handle_get_special_port(struct request *request, const struct link_message *message);
void handle_set_special_port(struct request *request, const struct link_message *message);
void handle_ports_register(struct request *request, const struct link_message *message);
void handle_ports_lookup(struct request *request, const struct link_message *message);
void handle_task_priority(struct request *request, const struct link_message *message);
void handle_port_location_hint(struct request *request, const struct link_message *message);
void handle_exception_hold(struct request *request, const struct link_message *message);
void handle_task_limits(struct request *request, const struct link_message *message);

#endif
