/*
 * The parts of space_export: what is to be done with each region (export_plan.c), copying bytes
 * (export_copy.c), changing the parent and changing it back (export_parent.c), making the child of
 * a copy of this process (export_fork.c), the whole of it (space_export.c). Internal; the space is
 * locked for writing throughout.
 *
 *   region's state        by SHARE or clone     by COPY
 *   1 sole mapper         SHARE_NEW             FREEZE
 *   2 shared object       SHARE_AGAIN           COPY
 *   3 private, clean      UNFREEZE              SAME_FROZEN or NARROW
 *   3 private, dirty      UNFREEZE              REFREEZE or FORK
 *   wired, any            as above              COPY: the parent's pages stay where they are
 */
#ifndef MEMORY_EXPORT_H
#define MEMORY_EXPORT_H

#include "aside.h"
#include "space_internal.h"

enum export_action {
	EXPORT_SHARE_NEW,   /* publish the region's own window; nothing moves */
	EXPORT_SHARE_AGAIN, /* the object has an id already */
	EXPORT_FREEZE,	    /* publish the window as frozen; the parent goes on privately */
	EXPORT_COPY,	    /* the child gets a frozen copy; the parent stays as it is */
	EXPORT_SAME_FROZEN, /* parent and child privately over the same frozen object */
	EXPORT_NARROW,	    /* the same, but the child must not reach all of the object */
	EXPORT_REFREEZE,    /* base and overlay become a new frozen object for both */
	EXPORT_FORK,	    /* the same base for both, the overlay comes with the process */
	EXPORT_UNFREEZE,    /* base and overlay become a new object that both share */
	EXPORT_NUM_ACTIONS,
};

/* What an action involves. */
struct export_rule {
	enum object_kind kind;	     /* of a new object */
	enum region_mapping mapping; /* the child's, and the parent's if it adopts */
	bool is_new;		     /* the child gets an object that must be published */
	bool is_copied;		     /* into which bytes are copied */
	bool is_adopted;	     /* and which becomes the parent's as well */
	bool is_remapped;	     /* for which the parent's host mapping changes */
	bool is_shared;		     /* both see each other's stores */
	bool is_instant;	     /* threads must stand still */
};

struct export_item {
	struct region *region; /* the parent's; the map does not change meanwhile */
	enum export_action action;
	struct object *object;	     /* what the child gets; a reference */
	enum export_action prepared; /* the action that it was made for */
	uint32_t window; /* not 0: the object's file goes along, as window number `window` - 1 */
	bool is_base_copied;
	bool is_unreported;
	bool is_remapped;
};

struct export
{
	struct space *space;
	enum export_mode mode;
	bool is_here; /* the child is made on this host: what is frozen can go along as files */
	const struct vm_range *range; /* only what is inside, whatever its inheritance; NULL: all */
	const struct space_forker *forker; /* NULL: forking would be of no use */
	bool is_forking;		   /* some item's action is EXPORT_FORK */
	struct export_item *items;	   /* ascending; room for every region */
	uint32_t count;
	bool is_reported; /* the pager knows of the parent's new mappings */
	bool is_paused;
	uint64_t pause_start_ns;
	uint64_t pause_ns;
	struct aside *asides;		 /* what was frozen, unmapped when threads run again */
	uint8_t *buffer;		 /* EXPORT_COPY_BYTES */
	struct space_exported *exported; /* windows are filled in before the fork */
	struct failure *failure;
};

#define EXPORT_COPY_BYTES (1u << 20)

/* How long threads may take to stand still: one may be waiting for a page of another host. */
#define EXPORT_PAUSE_TIMEOUT_NS UINT64_C(2000000000)

const struct export_rule *export_rule(enum export_action action);

/* Once every item has its action: would copying what is dirty cost more than a fork? Return: 0 and
 * is_forking is set, or -errno. */
int export_fork_choose(struct export *export);
/* In an export that is forking, regions that would be copied become EXPORT_FORK. */
void export_fork_plan(struct export *export);
/*
 * Around the time for which threads stand still: what the child does not get of private memory is
 * not to be copied by the fork either.
 */
void export_fork_prepare(const struct export *export);
void export_fork_done(const struct export *export);
/*
 * Forks, if the export is forking; the last step that can fail. Does not return in the child.
 * Return: 0 or -errno.
 */
int export_fork(struct export *export);
/* Frees what an export needed, but for its objects. */
void export_free(struct export *export);

/* Chooses every item's action as far as it can be known while threads run. Return: 0 or -errno. */
int export_plan(struct export *export);
/* How a region entry names the item's object. */
uint64_t export_object_name(const struct export_item *item);
/* Numbers the windows of what goes along. */
void export_plan_windows(struct export *export);
/* The same again with threads standing still: frozen regions may have changed meanwhile. */
int export_replan(struct export *export);

/*
 * Copies a private region's base into the item's object, while threads may run. Bytes of overlay
 * pages may come along; export_copy_instant writes those again. Return: 0, -EIO (a page is lost),
 * -errno.
 */
int export_copy_base(struct export *export, struct export_item *item);
/* Copies what has to be of one instant. Return as export_copy_base. */
int export_copy_instant(struct export *export, struct export_item *item);

/*
 * Makes the parent's mappings what the rules say and tells the pager; the map follows in
 * export_commit. Return: KERN_SUCCESS, or an error and export_undo has to be called.
 */
kern_return_t export_change(struct export *export);
/* The parent's regions as they were in meaning: the same bytes and attributes, each its own. */
void export_undo(struct export *export);
/* The parent's regions take over their new objects. Cannot fail. */
void export_commit(struct export *export);

#endif
