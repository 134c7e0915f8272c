/*
 * docs/protocol.md tells every message as it is in the definitions: a table row for each, which
 * this program makes from the definitions and looks for. `test_document --print` writes the rows,
 * for putting them into the document after a change.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/message.h"
#include "run_suite.h"

#define ROW_BYTES      4096
#define DOCUMENT_BYTES (256 * 1024)

/* A struct's fields as the document writes them, each with a comma in front. */
#define U32(name)		  ", `" #name "` u32"
#define U64(name)		  ", `" #name "` u64"
#define I32(name)		  ", `" #name "` i32"
#define BYTES(name, max)	  ", `" #name "` bytes(" #max ")"
#define TEXT(name, max)		  ", `" #name "` text(" #max ")"
#define ARRAY(element, name, max) ", `" #name "` " #element "[" #max "]"

struct message_row {
	int number; /* 0: an element */
	const char *name, *route, *executor, *request, *reply;
};

static const struct message_row rows[] = {
#define CALL(number, name, route, executor)                                                        \
	{number, #name, #route, #executor, "" name##_request_FIELDS, "" name##_reply_FIELDS},
#define CONTROL(number, name)                                                                      \
	{number, #name, NULL, NULL, "" name##_request_FIELDS, "" name##_reply_FIELDS},
#include "message/calls.def"
#include "message/control.def"
#undef CALL
#undef CONTROL
};

#define ELEMENT(name)                                                                              \
	{                                                                                          \
		0, #name, NULL, NULL, "" name##_FIELDS, ""                                         \
	}
static const struct message_row elements[] = {
    ELEMENT(failure),	    ELEMENT(thread_state64), ELEMENT(port_name),       ELEMENT(task_row),
    ELEMENT(node_row),	    ELEMENT(region_entry),   ELEMENT(task_properties), ELEMENT(object_id),
    ELEMENT(object_window), ELEMENT(object_mapping), ELEMENT(cpu_leaf),	       ELEMENT(cpu_word),
    ELEMENT(cpu_node_row),  ELEMENT(cpu_pair_row),
};

#define ROW_COUNT     ((int)(sizeof(rows) / sizeof(rows[0])))
#define ELEMENT_COUNT ((int)(sizeof(elements) / sizeof(elements[0])))

static const char *fields(const char *with_comma)
{
	return *with_comma ? with_comma + 2 : "-";
}

/* Return: the row's length; ROW_BYTES or more when it does not fit. */
static int row_write(const struct message_row *row, char *text)
{
	const char *request = fields(row->request), *reply = fields(row->reply);

	if (row->route)
		return snprintf(text, ROW_BYTES, "| %d | `%s` | %s | %s | %s | %s |\n", row->number,
				row->name, row->route, row->executor, request, reply);
	if (row->number)
		return snprintf(text, ROW_BYTES, "| %d | `%s` | %s | %s |\n", row->number,
				row->name, request, reply);
	return snprintf(text, ROW_BYTES, "| `%s` | %s |\n", row->name, request);
}

static const char *document(void)
{
	static char text[DOCUMENT_BYTES];
	int fd = open(getenv("NORMA_PROTOCOL_DOCUMENT"), O_RDONLY | O_CLOEXEC);
	ssize_t bytes = read(fd, text, sizeof(text) - 1);

	ck_assert_int_gt(bytes, 0);
	ck_assert_int_lt(bytes, DOCUMENT_BYTES - 1);
	close(fd);
	text[bytes] = 0;
	return text;
}

static void check_row(const struct message_row *row)
{
	char text[ROW_BYTES];

	ck_assert_int_lt(row_write(row, text), ROW_BYTES);
	ck_assert_msg(strstr(document(), text) != NULL, "docs/protocol.md lacks this row: %s",
		      text);
}

START_TEST(the_document_has_this_message_as_it_is)
{
	check_row(&rows[_i]);
}
END_TEST

START_TEST(the_document_has_this_element_as_it_is)
{
	check_row(&elements[_i]);
}
END_TEST

START_TEST(the_document_has_no_other_messages)
{
	const char *text = document();
	int count = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		int number;

		line += *line == '\n';
		count += sscanf(line, "| %d | `", &number) == 1;
	}
	ck_assert_int_eq(count, ROW_COUNT);
}
END_TEST

START_TEST(the_document_has_the_version_and_the_limits)
{
	char text[256];

	snprintf(text, sizeof(text), "version %u", MESSAGE_VERSION);
	ck_assert_ptr_nonnull(strstr(document(), text));
	snprintf(text, sizeof(text), "at most %u bytes of payload", MESSAGE_MAX_PAYLOAD);
	ck_assert_ptr_nonnull(strstr(document(), text));
	snprintf(text, sizeof(text), "at most %u descriptors", MESSAGE_MAX_FDS);
	ck_assert_ptr_nonnull(strstr(document(), text));
	snprintf(text, sizeof(text), "`MESSAGE_MAX_DATA` | %u", MESSAGE_MAX_DATA);
	ck_assert_ptr_nonnull(strstr(document(), text));
	snprintf(text, sizeof(text), "`MESSAGE_MAX_TEXT` | %u", MESSAGE_MAX_TEXT);
	ck_assert_ptr_nonnull(strstr(document(), text));
	snprintf(text, sizeof(text), "`EXPORT_MAX_REGIONS` | %u", EXPORT_MAX_REGIONS);
	ck_assert_ptr_nonnull(strstr(document(), text));
	snprintf(text, sizeof(text), "`CPU_CLEAR_MAX_BYTES` | %u", CPU_CLEAR_MAX_BYTES);
	ck_assert_ptr_nonnull(strstr(document(), text));
}
END_TEST

static int print_all(void)
{
	char text[ROW_BYTES];

	for (int i = 0; i < ROW_COUNT + ELEMENT_COUNT; i++) {
		row_write(i < ROW_COUNT ? &rows[i] : &elements[i - ROW_COUNT], text);
		fputs(text, stdout);
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("document");
	TCase *tests = tcase_create("document");

	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print_all();
	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, the_document_has_this_message_as_it_is, 0, ROW_COUNT);
	tcase_add_loop_test(tests, the_document_has_this_element_as_it_is, 0, ELEMENT_COUNT);
	tcase_add_test(tests, the_document_has_no_other_messages);
	tcase_add_test(tests, the_document_has_the_version_and_the_limits);
	return run_suite(suite);
}
