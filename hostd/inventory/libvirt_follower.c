/*
 * Theory of operation: the thread owns the session and everything of libvirt; what others may see
 * is `shared`, under a mutex that is never held across a call into libvirt. While connected, the
 * thread waits inside libvirt's event loop, which also watches wake_fd; otherwise it waits for
 * wake_fd alone, until the next attempt.
 */
#include "libvirt_follower.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define REFRESH_MS     5000 /* guests' memory changes without an event */
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS  30000
#define END_WAIT_S     1

struct question {
	char **xmls; /* [count]; NULL: none is asked */
	unsigned int count;
	bool is_answered;
	struct inventory_baseline answer;
};

struct libvirt_follower {
	struct libvirt_module_place place;
	const struct libvirt_module *module; /* NULL until it is worth loading */
	pthread_t thread;
	int wake_fd;

	pthread_mutex_t lock; /* for all that follows */
	void (*changed)(void *context);
	void *context;
	bool is_ending;
	bool is_finished;  /* the thread is about to return */
	bool is_abandoned; /* nobody waits for the thread: it frees this */
	bool is_told;	   /* the log has the state */
	struct snapshot_libvirt facts;
	char *cpu_xml;
	struct question question;
};

static void question_clear(struct question *question)
{
	for (unsigned int i = 0; i < question->count; i++)
		free(question->xmls[i]);
	free(question->xmls);
	inventory_baseline_done(&question->answer);
	*question = (struct question){0};
}

static void follower_destroy(struct libvirt_follower *follower)
{
	question_clear(&follower->question);
	free(follower->cpu_xml);
	cleanup_close(&follower->wake_fd);
	pthread_mutex_destroy(&follower->lock);
	free(follower);
}

static void wake(struct libvirt_follower *follower)
{
	eventfd_write(follower->wake_fd, 1);
}

static bool is_ending(struct libvirt_follower *follower)
{
	bool ending;

	pthread_mutex_lock(&follower->lock);
	ending = follower->is_ending;
	pthread_mutex_unlock(&follower->lock);
	return ending;
}

/* Both under the lock, so that nobody is called who has asked not to be. */
static void tell_locked(struct libvirt_follower *follower)
{
	if (!follower->is_ending)
		follower->changed(follower->context);
}

/* What is known without a session: nothing but why. */
static void publish_down(struct libvirt_follower *follower, const char *why)
{
	bool is_news;

	pthread_mutex_lock(&follower->lock);
	is_news = follower->facts.state != LIBVIRT_DOWN || !follower->is_told;
	follower->is_told = true;
	follower->facts = (struct snapshot_libvirt){.state = LIBVIRT_DOWN};
	snprintf(follower->facts.why, sizeof(follower->facts.why), "%s", why);
	free(follower->cpu_xml);
	follower->cpu_xml = NULL;
	if (follower->question.xmls && !follower->question.is_answered) {
		follower->question.is_answered = true;
		follower->question.answer.result = -ENOTCONN;
		snprintf(follower->question.answer.why, SNAPSHOT_WHY_BYTES, "%s", why);
	}
	tell_locked(follower);
	pthread_mutex_unlock(&follower->lock);
	if (is_news)
		log_line(LOG_NOTICE, "libvirt=down uri=%s why=\"%s\"", follower->place.uri, why);
}

static void publish_facts(struct libvirt_follower *follower, const struct snapshot_libvirt *facts)
{
	bool is_news;

	pthread_mutex_lock(&follower->lock);
	is_news = follower->facts.state != LIBVIRT_UP;
	follower->facts.state = LIBVIRT_UP;
	follower->facts.guests = facts->guests;
	follower->facts.memory_bytes = facts->memory_bytes;
	follower->facts.free_bytes = facts->free_bytes;
	memcpy(follower->facts.why, facts->why, sizeof(follower->facts.why));
	tell_locked(follower);
	pthread_mutex_unlock(&follower->lock);
	if (is_news)
		log_line(LOG_NOTICE, "libvirt=up uri=%s guests=%u", follower->place.uri,
			 facts->guests.count);
}

static void publish_cpu(struct libvirt_follower *follower, const struct libvirt_cpu *cpu)
{
	pthread_mutex_lock(&follower->lock);
	memcpy(follower->facts.cpu_model, cpu->model, sizeof(cpu->model));
	memcpy(follower->facts.cpu_vendor, cpu->vendor, sizeof(cpu->vendor));
	free(follower->cpu_xml);
	follower->cpu_xml = cpu->xml;
	tell_locked(follower);
	pthread_mutex_unlock(&follower->lock);
}

/* That libvirt cannot say it is no reason to give the connection up. */
static void read_cpu(struct libvirt_follower *follower, struct libvirt_session *session)
{
	char why[SNAPSHOT_WHY_BYTES] = "";
	struct libvirt_cpu cpu = {0};
	int result = follower->module->cpu(session, &cpu, why);

	if (result == 0)
		publish_cpu(follower, &cpu);
	else
		log_line(LOG_INFO, "libvirt=up step=cpu err=\"%s\" (going on without it)", why);
}

static void answer_question(struct libvirt_follower *follower, struct libvirt_session *session)
{
	struct inventory_baseline answer = {0};
	struct libvirt_baseline baseline = {0};
	struct question question;

	pthread_mutex_lock(&follower->lock);
	question = follower->question;
	pthread_mutex_unlock(&follower->lock);
	if (!question.xmls || question.is_answered)
		return;
	/* The strings stay: only an answered question is ever cleared. */
	answer.result = follower->module->baseline(session, (const char *const *)question.xmls,
						   question.count, &baseline, answer.why);
	answer.xml = baseline.xml;
	answer.features = baseline.features;
	memcpy(answer.model, baseline.model, sizeof(answer.model));
	pthread_mutex_lock(&follower->lock);
	follower->question.answer = answer;
	follower->question.is_answered = true;
	tell_locked(follower);
	pthread_mutex_unlock(&follower->lock);
}

static void drain(struct libvirt_follower *follower)
{
	eventfd_t value;

	eventfd_read(follower->wake_fd, &value);
}

/* Waits for something that makes another reading worth while, and answers questions meanwhile. */
static unsigned int wait_for_news(struct libvirt_follower *follower,
				  struct libvirt_session *session, char why[SNAPSHOT_WHY_BYTES])
{
	unsigned int news = LIBVIRT_NEWS_WOKEN;

	while (news == LIBVIRT_NEWS_WOKEN) {
		/* Before looking at what the waker left: what comes later wakes again. */
		drain(follower);
		if (is_ending(follower))
			break;
		answer_question(follower, session);
		news = follower->module->wait(session, REFRESH_MS, why);
	}
	return news;
}

/*
 * Follows one session until it closes or this ends; `why` says what closed it.
 * Return: whether it was of any use.
 */
static bool follow(struct libvirt_follower *follower, struct libvirt_session *session,
		   char why[SNAPSHOT_WHY_BYTES])
{
	struct snapshot_libvirt facts = {0};
	bool was_read = false;

	while (!is_ending(follower) && follower->module->collect(session, &facts, why) == 0) {
		publish_facts(follower, &facts);
		if (!was_read)
			read_cpu(follower, session);
		was_read = true;
		if (wait_for_news(follower, session, why) & LIBVIRT_NEWS_CLOSED)
			break;
	}
	return was_read;
}

int libvirt_follower_retry_ms(int waited_ms, bool was_useful)
{
	if (was_useful || waited_ms < RETRY_FIRST_MS)
		return RETRY_FIRST_MS;
	return waited_ms < RETRY_MOST_MS / 2 ? waited_ms * 2 : RETRY_MOST_MS;
}

/* Return: whether it was of any use. */
static bool attempt(struct libvirt_follower *follower)
{
	char why[SNAPSHOT_WHY_BYTES] = "";
	struct libvirt_session *session;
	bool was_useful = false;

	if (libvirt_module_load(&follower->place, &follower->module, why) == 0 &&
	    follower->module->open(follower->place.uri, follower->wake_fd, &session, why) == 0) {
		was_useful = follow(follower, session, why);
		follower->module->close(session);
	}
	if (!is_ending(follower))
		publish_down(follower, why);
	return was_useful;
}

static void *follower_run(void *context)
{
	struct libvirt_follower *follower = context;
	int retry_ms = 0;
	bool is_abandoned;

	while (!is_ending(follower)) {
		struct pollfd woken = {.fd = follower->wake_fd, .events = POLLIN};

		retry_ms = libvirt_follower_retry_ms(retry_ms, attempt(follower));
		if (!is_ending(follower))
			poll(&woken, 1, retry_ms);
		drain(follower);
	}
	pthread_mutex_lock(&follower->lock);
	follower->is_finished = true;
	is_abandoned = follower->is_abandoned;
	pthread_mutex_unlock(&follower->lock);
	if (is_abandoned)
		follower_destroy(follower);
	return NULL;
}

/* Signals are for the thread that runs the daemon. */
static int start_thread(struct libvirt_follower *follower)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&follower->thread, NULL, follower_run, follower);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int libvirt_follower_new(const struct libvirt_follower_setup *setup,
			 struct libvirt_follower **ret_follower)
{
	struct libvirt_follower *follower = calloc(1, sizeof(*follower));
	int error;

	if (!follower)
		return -ENOMEM;
	*follower = (struct libvirt_follower){
	    .place = *setup->place,
	    .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	    .changed = setup->changed,
	    .context = setup->context,
	    .facts = {.state = LIBVIRT_DOWN, .why = "it was not asked yet"},
	};
	pthread_mutex_init(&follower->lock, NULL);
	error = follower->wake_fd < 0 ? -errno : start_thread(follower);
	if (error) {
		follower_destroy(follower);
		return error;
	}
	*ret_follower = follower;
	return 0;
}

/* Return: whether the thread is joined; otherwise it frees the follower when it comes back. */
static bool end_thread(struct libvirt_follower *follower)
{
	struct timespec deadline;
	bool is_finished;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += END_WAIT_S;
	if (pthread_timedjoin_np(follower->thread, NULL, &deadline) == 0)
		return true;
	log_line(LOG_WARNING, "libvirt=leaving uri=%s err=\"it does not come back from a call\"",
		 follower->place.uri);
	pthread_mutex_lock(&follower->lock);
	is_finished = follower->is_finished;
	follower->is_abandoned = !is_finished;
	if (!is_finished)
		pthread_detach(follower->thread);
	pthread_mutex_unlock(&follower->lock);
	if (is_finished)
		pthread_join(follower->thread, NULL);
	return is_finished;
}

void libvirt_follower_free(struct libvirt_follower *follower)
{
	if (!follower)
		return;
	pthread_mutex_lock(&follower->lock);
	follower->is_ending = true;
	pthread_mutex_unlock(&follower->lock);
	wake(follower);
	if (end_thread(follower))
		follower_destroy(follower);
}

void libvirt_follower_read(struct libvirt_follower *follower, struct snapshot_libvirt *ret_facts,
			   char **ret_cpu_xml)
{
	pthread_mutex_lock(&follower->lock);
	*ret_facts = follower->facts;
	*ret_cpu_xml = follower->cpu_xml ? strdup(follower->cpu_xml) : NULL;
	pthread_mutex_unlock(&follower->lock);
}

/* Return: a copy of all strings, or one that is not complete with *ret_error -ENOMEM. */
static struct question question_copy(const char *const *xmls, unsigned int count, int *ret_error)
{
	struct question question = {.xmls = calloc(count, sizeof(*question.xmls)), .count = count};

	*ret_error = question.xmls ? 0 : -ENOMEM;
	if (!question.xmls)
		question.count = 0;
	for (unsigned int i = 0; i < question.count; i++) {
		question.xmls[i] = strdup(xmls[i]);
		if (!question.xmls[i])
			*ret_error = -ENOMEM;
	}
	return question;
}

int libvirt_follower_ask(struct libvirt_follower *follower, const char *const *xmls,
			 unsigned int count)
{
	int error;
	struct question question = question_copy(xmls, count, &error);

	pthread_mutex_lock(&follower->lock);
	if (follower->question.is_answered) /* too late for whoever asked */
		question_clear(&follower->question);
	if (!error && follower->facts.state != LIBVIRT_UP)
		error = -ENOTCONN;
	else if (!error && follower->question.xmls)
		error = -EBUSY;
	if (!error)
		follower->question = question;
	pthread_mutex_unlock(&follower->lock);
	if (error)
		question_clear(&question);
	else
		wake(follower);
	return error;
}

int libvirt_follower_answer(struct libvirt_follower *follower,
			    struct inventory_baseline *ret_answer)
{
	struct question *question = &follower->question;
	int result = -EAGAIN;

	pthread_mutex_lock(&follower->lock);
	if (question->xmls && question->is_answered) {
		*ret_answer = question->answer;
		question->answer = (struct inventory_baseline){0};
		question_clear(question);
		result = 0;
	}
	pthread_mutex_unlock(&follower->lock);
	return result;
}
