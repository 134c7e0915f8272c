/*
 * Tells whoever started the daemon (systemd's Type=notify, or a script) how it stands.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* Sends e.g. "READY=1" to $NOTIFY_SOCKET. Does nothing when that is not set. */
void notify(const char *state);

#endif
