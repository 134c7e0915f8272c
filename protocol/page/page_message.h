/*
 * What two pagers say to each other: a 64-byte header, then a payload whose size and shape the type
 * decides. Encoded field by field, little-endian; the checksum (XXH3-64) covers the first 56 bytes
 * and the payload. Not the pages of a BLOCK: they are received where they stay, and reading all of
 * them once more at both ends costs a quarter of the CPU time that sending them takes; TCP's own
 * checksum has to do for those. Pure: no I/O.
 *
 *    0 magic u32      | 4 version u16 | 6 type u8 | 7 flags u8
 *    8 epoch u32      | 12 sequence u32           (of the sender; sequence counts per connection)
 *   16 object u64     | 24 transaction u64
 *   32 first_page u64 | 40 page_count u32 | 44 access u8 | 45 mode u8 | 46 host u8 | 47 zero u8
 *   48 bytes u32      | 52 membership u32 | 56 checksum u64
 */
#ifndef PAGE_PAGE_MESSAGE_H
#define PAGE_PAGE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/checked.h"

#define PAGE_MESSAGE_MAGIC	  0x4741504eu /* "NPAG" */
#define PAGE_MESSAGE_VERSION	  4u
#define PAGE_MESSAGE_HEADER_BYTES 64u
#define PAGE_BLOCK_PAGES	  64u /* most pages in one message */
#define PAGE_BLOCK_MAX_BYTES	  (PAGE_BLOCK_PAGES * PAGE_BYTES)
#define PAGE_EXTENT_PAGES	  512u /* most pages that one message is about */
#define PAGE_TEXT_MAX		  200u
#define PAGE_HELLO_BYTES	  8u /* payload */

enum page_message_type {
	PAGE_MESSAGE_HELLO = 1, /* first on every connection, both ways: struct page_hello */
	PAGE_MESSAGE_PING,	/* nothing to say, still here */
	PAGE_MESSAGE_JOIN,	/* my host wants to use object */
	PAGE_MESSAGE_JOINED,	/* it may: struct page_joined */
	PAGE_MESSAGE_REFUSED,	/* it may not: struct page_refusal */
	PAGE_MESSAGE_PART,	/* my host no longer uses object and holds none of its pages */
	/* Coherent objects, as hostd/pager/coherence defines them. */
	PAGE_MESSAGE_READ_REQUEST, /* of page_count pages, each a transaction, one after the other
				    */
	PAGE_MESSAGE_WRITE_REQUEST,
	PAGE_MESSAGE_FETCH,
	PAGE_MESSAGE_INVALIDATE,
	PAGE_MESSAGE_INVALIDATED,
	PAGE_MESSAGE_PAGE, /* with the page's bytes, or PAGE_FLAG_ZERO */
	PAGE_MESSAGE_GRANT,
	PAGE_MESSAGE_DONE, /* the same */
	PAGE_MESSAGE_LOST,
	PAGE_MESSAGE_RETURN,
	PAGE_MESSAGE_RETURNED,
	PAGE_MESSAGE_LINK_LOST,
	/*
	 * Frozen objects. A request is answered in pieces, in order, by any of the others. Pages of
	 * a READ_REQUEST for several come so, too, with its transaction.
	 */
	PAGE_MESSAGE_BLOCK_REQUEST,   /* page_count pages from first_page */
	PAGE_MESSAGE_BLOCK,	      /* at most PAGE_BLOCK_PAGES of them, one after the other */
	PAGE_MESSAGE_BLOCK_LOST,      /* these pages cannot be had here */
	PAGE_MESSAGE_BLOCK_ZERO,      /* these are zero */
	PAGE_MESSAGE_BLOCK_ELSEWHERE, /* `host` has these, or will have them soon: ask it */
	PAGE_MESSAGE_NUM_TYPES,
};

enum page_message_flag {
	PAGE_FLAG_ZERO = 1,    /* the page holds only zeros and is not sent */
	PAGE_FLAG_BY_HOME = 2, /* FETCH: answer by way of home */
	PAGE_FLAG_HERE = 4,    /* BLOCK_REQUEST: not from another host */
};
#define PAGE_FLAGS_ALL (PAGE_FLAG_ZERO | PAGE_FLAG_BY_HOME | PAGE_FLAG_HERE)

/* Two hosts have one connection of each kind. */
enum page_connection_kind {
	PAGE_CONNECTION_URGENT, /* faults and coherence */
	PAGE_CONNECTION_BULK,	/* what is asked for in the background, and short answers to it */
	PAGE_CONNECTION_STREAM, /* the first of PAGE_STREAMS that carry the pages of those answers
				 */
	PAGE_CONNECTION_KINDS = PAGE_CONNECTION_STREAM + 2,
};
#define PAGE_STREAMS ((unsigned int)PAGE_CONNECTION_KINDS - PAGE_CONNECTION_STREAM)

/* transaction, access, mode, host and membership mean what hostd/pager/coherence says. */
struct page_message {
	uint8_t type;	/* enum page_message_type */
	uint8_t flags;	/* enum page_message_flag */
	uint32_t epoch; /* random, of the sending pager's run */
	uint32_t sequence;
	uint64_t object;
	uint64_t transaction;
	uint64_t first_page;
	uint32_t page_count;
	uint8_t access;
	uint8_t mode;
	uint8_t host;
	uint32_t bytes; /* of payload */
	uint32_t membership;
	const void *payload; /* borrowed */
};

struct page_hello {
	uint32_t node;
	uint32_t kind; /* enum page_connection_kind */
};

struct page_joined {
	uint32_t kind; /* enum object_kind */
	uint32_t lead; /* where in a huge page it begins, in bytes */
	uint64_t bytes;
};

struct page_refusal {
	uint32_t code; /* a kern_return_t */
	char text[PAGE_TEXT_MAX];
};

/*
 * Writes the header for `message` and its payload, which already lies right behind it:
 * frame[PAGE_MESSAGE_HEADER_BYTES + message->bytes]. message->payload is not looked at.
 */
void page_message_seal(uint8_t *frame, const struct page_message *message);

/*
 * Reads a header and checks all that can be checked without its payload, so that no more than the
 * type allows is ever waited for. *ret_bytes: header and payload.
 * Return: 0, -EAGAIN when data holds less than a header, -EPROTO for another version, -EBADMSG.
 */
int page_message_measure(const uint8_t *data, size_t bytes, size_t *ret_bytes);

/*
 * The same for the header of a BLOCK alone, which is judged without its payload.
 * Return: 0 and *ret_message without payload; -EAGAIN, -EPROTO, -EBADMSG; -ENOMSG for other types.
 */
int page_message_decode_block(const uint8_t *data, size_t bytes, struct page_message *ret_message);

/*
 * Takes the message at the front of data: checksum, and a payload of the size and shape that the
 * type demands. ret_message->payload borrows data.
 * Return: 0, -EAGAIN when it is not complete, -EPROTO, -EBADMSG.
 */
int page_message_decode(const uint8_t *data, size_t bytes, struct page_message *ret_message);

/* Payloads. encode: buffer of capacity bytes; Return: bytes used. decode: Return: 0 or -EBADMSG. */
uint32_t page_hello_encode(const struct page_hello *hello, uint8_t *buffer, size_t capacity);
int page_hello_decode(const struct page_message *message, struct page_hello *ret_hello);
uint32_t page_joined_encode(const struct page_joined *joined, uint8_t *buffer, size_t capacity);
int page_joined_decode(const struct page_message *message, struct page_joined *ret_joined);
uint32_t page_refusal_encode(const struct page_refusal *refusal, uint8_t *buffer, size_t capacity);
int page_refusal_decode(const struct page_message *message, struct page_refusal *ret_refusal);

/* Return: the type's name, or "unknown". */
const char *page_message_type_name(unsigned int type);

/* Return: what tells a page's bytes from others (not against somebody who means harm). */
uint64_t page_digest(const void *page);

/* Return: true when `bytes` bytes at data are all zero. */
bool page_is_zero(const void *data, size_t bytes);

#endif
