/*
 * The words of the page coherence protocol: states, phases, messages and actions. They are the
 * same, name by name, in the Promela model (tests/model/coherence.pml) and on the wire.
 */
#ifndef COHERENCE_PAGE_STATE_H
#define COHERENCE_PAGE_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* What one host has of one page. Allowed changes: holder_state_may_become(). */
enum holder_state {
	HOLDER_NONE,	  /* no copy */
	HOLDER_READING,	  /* no copy, READ_REQUEST sent */
	HOLDER_WRITING,	  /* no copy, WRITE_REQUEST sent */
	HOLDER_SHARED,	  /* readable copy */
	HOLDER_UPGRADING, /* readable copy, WRITE_REQUEST sent */
	HOLDER_EXCLUSIVE, /* the only copy, writable */
	HOLDER_RETURNING, /* RETURN sent; a readable copy, unless it was taken meanwhile */
	HOLDER_LOST,	  /* nobody can supply it: every access is an error, for ever */
	HOLDER_NUM_STATES,
};

/* What home knows of one page. */
enum directory_state {
	DIRECTORY_OWNED,  /* one host has it exclusively */
	DIRECTORY_SHARED, /* one or more hosts have readable copies */
	DIRECTORY_LOST,	  /* no copy exists any more */
	DIRECTORY_NUM_STATES,
};

/* How far home's transaction on a page is. */
enum directory_phase {
	PHASE_IDLE,
	PHASE_INVALIDATING, /* INVALIDATED awaited */
	PHASE_FETCHING,	    /* FETCH sent, DONE awaited */
	PHASE_GRANTING,	    /* GRANT sent, DONE awaited */
	PHASE_LOSING,	    /* LOST sent, DONE awaited: the page may have arrived before LOST */
	PHASE_RELEASING,    /* RETURNED sent to one of several sharers, DONE awaited */
	PHASE_NUM_PHASES,
};

enum coherence_message_type {
	MESSAGE_READ_REQUEST,  /* holder -> home */
	MESSAGE_WRITE_REQUEST, /* holder -> home */
	MESSAGE_FETCH,	       /* home -> a holder: send the page to `to` */
	MESSAGE_INVALIDATE,    /* home -> holder */
	MESSAGE_INVALIDATED,   /* holder -> home */
	MESSAGE_PAGE,	       /* holder -> requester, with data or is_zero */
	MESSAGE_GRANT,	       /* home -> requester: your copy is writable now */
	MESSAGE_DONE,	       /* requester -> home: `access` is installed (NONE: nothing) */
	MESSAGE_LOST,	       /* home -> requester: nobody can supply it */
	MESSAGE_RETURN,	       /* holder -> home: I want to be without it */
	MESSAGE_RETURNED,      /* home -> holder: drop it */
	MESSAGE_LINK_LOST,     /* holder -> home: my link to host `to` broke (whole object) */
	MESSAGE_NUM_TYPES,
};

enum page_access {
	ACCESS_NONE,
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_NUM,
};

/* How a FETCHed holder supplies the page. */
enum fetch_mode {
	FETCH_SHARE, /* keep a readable copy */
	FETCH_TAKE,  /* give it up */
	FETCH_NUM_MODES,
};

/*
 * What the I/O layer does, in the order given. The comment says what `access` and the message mean.
 */
enum action_type {
	ACTION_SEND,	  /* send `message` to host `host` (which may be this one); no data */
	ACTION_SEND_PAGE, /* the same with the bytes of the last READ_OUT (or its zero flag) */
	ACTION_FORWARD,	  /* the same with the bytes that came with the message being handled */
	ACTION_INSTALL,	  /* store the bytes that came, map with `access` everywhere, wake */
	ACTION_UNPROTECT, /* make the installed page writable, wake */
	ACTION_MAP, /* map the installed page with `access` for the mapping that faulted, wake it */
	ACTION_PROTECT,	 /* write-protect in every mapping: no store succeeds after it */
	ACTION_READ_OUT, /* copy the page into the send buffer; find out whether it is zero */
	ACTION_DROP,	 /* remove the page from every mapping and free its memory */
	ACTION_POISON,	 /* accesses become errors; wake whoever waits */
	ACTION_NUM_TYPES,
};

/* Names for logs. Return: "?" outside the enum. */
const char *holder_state_name(enum holder_state state);
const char *directory_state_name(enum directory_state state);
const char *directory_phase_name(enum directory_phase phase);
const char *coherence_message_type_name(enum coherence_message_type type);
const char *action_type_name(enum action_type type);

/* The table of allowed changes of a holder. */
bool holder_state_may_become(enum holder_state from, enum holder_state to);

#endif
