/*
 * Names and allowed changes of the protocol's states: see page_state.h.
 */
#include "page_state.h"

#include <assert.h>
#include <stddef.h>

#define LENGTH(array)	      (sizeof(array) / sizeof((array)[0]))
#define NAME_OF(table, index) ((size_t)(index) < LENGTH(table) ? (table)[index] : "?")
#define TO(state)	      (1U << HOLDER_##state)

static const char *const holder_names[] = {
    "NONE", "READING", "WRITING", "SHARED", "UPGRADING", "EXCLUSIVE", "RETURNING", "LOST",
};
static_assert(LENGTH(holder_names) == HOLDER_NUM_STATES, "one name per holder state");

static const char *const directory_names[] = {"OWNED", "SHARED", "LOST"};
static_assert(LENGTH(directory_names) == DIRECTORY_NUM_STATES, "one name per directory state");

static const char *const phase_names[] = {
    "IDLE", "INVALIDATING", "FETCHING", "GRANTING", "LOSING", "RELEASING",
};
static_assert(LENGTH(phase_names) == PHASE_NUM_PHASES, "one name per phase");

static const char *const message_names[] = {
    "READ_REQUEST", "WRITE_REQUEST", "FETCH", "INVALIDATE", "INVALIDATED", "PAGE",
    "GRANT",	    "DONE",	     "LOST",  "RETURN",	    "RETURNED",	   "LINK_LOST",
};
static_assert(LENGTH(message_names) == MESSAGE_NUM_TYPES, "one name per message");

static const char *const action_names[] = {
    "SEND", "SEND_PAGE", "FORWARD",  "INSTALL", "UNPROTECT",
    "MAP",  "PROTECT",	 "READ_OUT", "DROP",	"POISON",
};
static_assert(LENGTH(action_names) == ACTION_NUM_TYPES, "one name per action");

static const unsigned int allowed[] = {
    [HOLDER_NONE] = TO(READING) | TO(WRITING) | TO(EXCLUSIVE) | TO(LOST),
    [HOLDER_READING] = TO(SHARED) | TO(EXCLUSIVE) | TO(LOST),
    [HOLDER_WRITING] = TO(EXCLUSIVE) | TO(LOST),
    [HOLDER_SHARED] = TO(NONE) | TO(UPGRADING) | TO(RETURNING) | TO(LOST),
    [HOLDER_UPGRADING] = TO(WRITING) | TO(EXCLUSIVE) | TO(LOST),
    [HOLDER_EXCLUSIVE] = TO(NONE) | TO(SHARED) | TO(RETURNING),
    [HOLDER_RETURNING] = TO(NONE) | TO(LOST),
    [HOLDER_LOST] = 0,
};
static_assert(LENGTH(allowed) == HOLDER_NUM_STATES, "one row per holder state");

const char *holder_state_name(enum holder_state state)
{
	return NAME_OF(holder_names, state);
}

const char *directory_state_name(enum directory_state state)
{
	return NAME_OF(directory_names, state);
}

const char *directory_phase_name(enum directory_phase phase)
{
	return NAME_OF(phase_names, phase);
}

const char *coherence_message_type_name(enum coherence_message_type type)
{
	return NAME_OF(message_names, type);
}

const char *action_type_name(enum action_type type)
{
	return NAME_OF(action_names, type);
}

bool holder_state_may_become(enum holder_state from, enum holder_state to)
{
	return (size_t)from < LENGTH(allowed) && (allowed[from] & (1U << to)) != 0;
}
