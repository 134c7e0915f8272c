/*
 * The page coherence protocol of hostd/pager/coherence, for exhaustive checking with spin.
 * Names are those of the C code. One step of a host (a message, a fault, a leave, a noticed death)
 * is one d_step, as it is in the pager, where one thread owns a page's state.
 *
 * Parameters (-D): HOSTS, PAGES, OPS (faults and stores per host), LEAVER and DYING (a host
 * number, or HOSTS for nobody), BROKEN_INVALIDATION (home does not wait for INVALIDATED).
 * Not modelled: links between two non-home hosts that break while both live (the unit tests do).
 */
#ifndef HOSTS
#define HOSTS 3
#endif
#ifndef PAGES
#define PAGES 1
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef LEAVER
#define LEAVER HOSTS
#endif
#ifndef DYING
#define DYING HOSTS
#endif

#define HOME	    0
#define LINK_LENGTH (4 * PAGES)
#define bit(h)	    (1 << (h))
#define slot(h, p)  ((h) * PAGES + (p))
#define link(f, t)  links[(f) * HOSTS + (t)]

mtype = { MESSAGE_READ_REQUEST, MESSAGE_WRITE_REQUEST, MESSAGE_FETCH, MESSAGE_INVALIDATE,
	  MESSAGE_INVALIDATED, MESSAGE_PAGE, MESSAGE_GRANT, MESSAGE_DONE, MESSAGE_LOST,
	  MESSAGE_RETURN, MESSAGE_RETURNED };

#define HOLDER_NONE	 0
#define HOLDER_READING	 1
#define HOLDER_WRITING	 2
#define HOLDER_SHARED	 3
#define HOLDER_UPGRADING 4
#define HOLDER_EXCLUSIVE 5
#define HOLDER_RETURNING 6
#define HOLDER_LOST	 7

#define DIRECTORY_OWNED	 0
#define DIRECTORY_SHARED 1
#define DIRECTORY_LOST	 2

#define PHASE_IDLE	   0
#define PHASE_INVALIDATING 1
#define PHASE_FETCHING	   2
#define PHASE_GRANTING	   3
#define PHASE_LOSING	   4
#define PHASE_RELEASING	   5

#define ACCESS_NONE  0
#define ACCESS_READ  1
#define ACCESS_WRITE 2
/* a FETCH carries the access it is for: ACCESS_READ is mode SHARE, ACCESS_WRITE is mode TAKE */

/* type, page, host of the transaction, its sequence, `to` of a FETCH, access, data (a version) */
chan links[HOSTS * HOSTS] = [LINK_LENGTH] of { mtype, byte, byte, byte, byte, byte, byte };
chan queue[PAGES] = [HOSTS] of { mtype, byte, byte };

/* holders */
byte holder_state[HOSTS * PAGES];
byte sequence[HOSTS * PAGES];
byte data[HOSTS * PAGES];
bit pending[HOSTS * PAGES];
bit wants_write[HOSTS * PAGES];
bit wants_return[HOSTS * PAGES];
bit has_copy[HOSTS * PAGES];
bit home_is_lost[HOSTS];

/* the directory at home */
byte directory_state[PAGES];
byte directory_hosts[PAGES];
byte phase[PAGES];
mtype kind[PAGES];
byte requester[PAGES];
byte transaction_host[PAGES];
byte transaction_sequence[PAGES];
byte source[PAGES];
byte awaiting[PAGES];
bit requester_is_gone[PAGES];
byte members = (1 << HOSTS) - 1;

/* the world */
byte latest[PAGES];
byte ops[HOSTS];
bit has_left;
byte alive = (1 << HOSTS) - 1;

hidden mtype m_type;
hidden byte m_page, m_host, m_sequence, m_to, m_access, m_data;
hidden mtype q_kind;
hidden byte q_host, q_sequence;
hidden byte i, keep, copies, x;

#define st holder_state[slot(h, p)]
#define is_waiting(s) (s == HOLDER_READING || s == HOLDER_WRITING || s == HOLDER_UPGRADING)

inline send(f, t, type, p, th, ts, to, access, version)
{
	if
	:: (alive & bit(t)) -> assert(nfull(link(f, t))); link(f, t)!type,p,th,ts,to,access,version
	:: else
	fi
}

/* ---- directory ---- */

/* home's own copy is the best source: no message leaves the host */
inline choose_source(p)
{
	keep = 0;
	do
	:: !(directory_hosts[p] & bit(keep)) -> keep++
	:: else -> break
	od
}

inline transaction_finish(p)
{
	phase[p] = PHASE_IDLE;
	awaiting[p] = 0;
	source[p] = 0;
	requester[p] = 0;
	requester_is_gone[p] = 0;
	transaction_host[p] = 0;
	transaction_sequence[p] = 0;
	kind[p] = 0
}

inline settle(p)
{
	if
	:: directory_hosts[p] == 0 -> directory_state[p] = DIRECTORY_LOST
	:: else -> directory_state[p] = DIRECTORY_SHARED
	fi
}

inline fetch(p, access)
{
	phase[p] = PHASE_FETCHING;
	send(HOME, source[p], MESSAGE_FETCH, p, transaction_host[p], transaction_sequence[p],
	     requester[p], access, 0)
}

inline lose(p)
{
	phase[p] = PHASE_LOSING;
	send(HOME, requester[p], MESSAGE_LOST, p, transaction_host[p], transaction_sequence[p], 0, 0, 0)
}

/* every other copy is gone: the requester's turn */
inline invalidated_all(p)
{
	if
	:: requester_is_gone[p] -> settle(p); transaction_finish(p)
	:: else ->
		if
		:: directory_hosts[p] == 0 -> lose(p)
		:: directory_hosts[p] == bit(requester[p]) ->
			phase[p] = PHASE_GRANTING;
			send(HOME, requester[p], MESSAGE_GRANT, p, transaction_host[p],
			     transaction_sequence[p], 0, ACCESS_WRITE, 0)
		:: else -> fetch(p, ACCESS_WRITE)
		fi
	fi
}

inline begin_write(p)
{
	if
	:: (directory_hosts[p] & bit(requester[p])) -> keep = requester[p]
	:: else -> choose_source(p)
	fi;
	source[p] = keep;
	awaiting[p] = directory_hosts[p] & ~bit(keep);
	directory_hosts[p] = bit(keep);
	phase[p] = PHASE_INVALIDATING;
	i = 0;
	do
	:: i < HOSTS ->
		if
		:: (awaiting[p] & bit(i)) ->
			send(HOME, i, MESSAGE_INVALIDATE, p, transaction_host[p],
			     transaction_sequence[p], 0, 0, 0)
		:: else
		fi;
		i++
	:: else -> break
	od;
#ifdef BROKEN_INVALIDATION
	awaiting[p] = 0;
#endif
	if
	:: awaiting[p] == 0 -> invalidated_all(p)
	:: else
	fi
}

inline begin_return(p)
{
	if
	:: (directory_hosts[p] & bit(q_host)) == 0 -> /* it was taken or invalidated on the way */
		send(HOME, q_host, MESSAGE_RETURNED, p, q_host, q_sequence, 0, 0, 0);
		transaction_finish(p)
	:: (directory_hosts[p] & bit(q_host)) && directory_hosts[p] != bit(q_host) ->
		/* readable at the leaver until RETURNED: no write may be granted before its DONE */
		directory_hosts[p] = directory_hosts[p] & ~bit(q_host);
		phase[p] = PHASE_RELEASING;
		send(HOME, q_host, MESSAGE_RETURNED, p, q_host, q_sequence, 0, 0, 0)
	:: else -> /* the only copy: home takes it */
		requester[p] = HOME;
		source[p] = q_host;
		fetch(p, ACCESS_WRITE)
	fi
}

inline begin(p)
{
	kind[p] = q_kind;
	requester[p] = q_host;
	transaction_host[p] = q_host;
	transaction_sequence[p] = q_sequence;
	if
	:: directory_state[p] == DIRECTORY_LOST ->
		if
		:: q_kind == MESSAGE_RETURN ->
			send(HOME, q_host, MESSAGE_RETURNED, p, q_host, q_sequence, 0, 0, 0)
		:: else -> send(HOME, q_host, MESSAGE_LOST, p, q_host, q_sequence, 0, 0, 0)
		fi;
		transaction_finish(p)
	:: else ->
		if
		:: q_kind == MESSAGE_RETURN -> begin_return(p)
		:: q_kind == MESSAGE_READ_REQUEST ->
			assert(!(directory_hosts[p] & bit(q_host)));
			choose_source(p);
			source[p] = keep;
			fetch(p, ACCESS_READ)
		:: else ->
			assert(directory_state[p] == DIRECTORY_SHARED || directory_hosts[p] != bit(q_host));
			begin_write(p)
		fi
	fi
}

inline serve(p)
{
	do
	:: phase[p] == PHASE_IDLE && len(queue[p]) > 0 -> queue[p]?q_kind,q_host,q_sequence; begin(p)
	:: else -> break
	od
}

inline forget_requests(p, h)
{
	i = len(queue[p]);
	do
	:: i > 0 ->
		i--;
		queue[p]?q_kind,q_host,q_sequence;
		if
		:: q_host != h -> queue[p]!q_kind,q_host,q_sequence
		:: else
		fi
	:: else -> break
	od
}

inline on_done(p, from)
{
	if
	:: phase[p] >= PHASE_FETCHING && requester[p] == from && transaction_host[p] == m_host &&
	   transaction_sequence[p] == m_sequence ->
		if
		:: m_access == ACCESS_WRITE -> directory_hosts[p] = bit(from); directory_state[p] = DIRECTORY_OWNED
		:: m_access == ACCESS_READ ->
			directory_hosts[p] = directory_hosts[p] | bit(from);
			directory_state[p] = DIRECTORY_SHARED
		:: else -> assert(phase[p] == PHASE_LOSING || phase[p] == PHASE_RELEASING); settle(p)
		fi;
		if
		:: kind[p] == MESSAGE_RETURN && phase[p] != PHASE_RELEASING ->
			/* what home itself asked for meanwhile is in the queue by now (FIFO) and satisfied */
			if
			:: m_access == ACCESS_WRITE -> forget_requests(p, HOME)
			:: else
			fi;
			if
			:: (members & bit(m_host)) ->
				send(HOME, m_host, MESSAGE_RETURNED, p, m_host, m_sequence, 0, 0, 0)
			:: else
			fi
		:: else
		fi;
		transaction_finish(p);
		serve(p)
	:: else /* late */
	fi
}

inline on_invalidated(p, from)
{
	if
	:: phase[p] == PHASE_INVALIDATING && (awaiting[p] & bit(from)) &&
	   transaction_host[p] == m_host && transaction_sequence[p] == m_sequence ->
		awaiting[p] = awaiting[p] & ~bit(from);
		if
		:: awaiting[p] == 0 -> invalidated_all(p); serve(p)
		:: else
		fi
	:: else
	fi
}

inline requester_lost(p)
{
	if
	:: phase[p] == PHASE_INVALIDATING ->
		requester_is_gone[p] = 1;
		if
		:: awaiting[p] == 0 -> invalidated_all(p)
		:: else
		fi
	:: (phase[p] == PHASE_FETCHING && kind[p] == MESSAGE_READ_REQUEST) || phase[p] == PHASE_RELEASING ->
		settle(p);
		transaction_finish(p)
	:: else -> directory_hosts[p] = 0; settle(p); transaction_finish(p)
	fi
}

inline source_lost(p)
{
	if
	:: kind[p] == MESSAGE_READ_REQUEST && directory_hosts[p] != 0 ->
		choose_source(p);
		source[p] = keep;
		fetch(p, ACCESS_READ)
	:: else -> directory_hosts[p] = 0; lose(p)
	fi
}

inline directory_host_lost(p, d)
{
	forget_requests(p, d);
	directory_hosts[p] = directory_hosts[p] & ~bit(d);
	x = awaiting[p];
	awaiting[p] = awaiting[p] & ~bit(d);
	if
	:: phase[p] == PHASE_IDLE ->
		if
		:: directory_hosts[p] == 0 -> directory_state[p] = DIRECTORY_LOST
		:: else
		fi
	:: else ->
		if
		:: requester[p] == d -> requester_lost(p)
		:: else ->
			if
			:: phase[p] == PHASE_FETCHING && source[p] == d -> source_lost(p)
			:: phase[p] == PHASE_INVALIDATING && x != 0 && awaiting[p] == 0 -> invalidated_all(p)
			:: else
			fi
		fi
	fi;
	serve(p)
}

/* ---- holder ---- */

inline store(h, p)
{
	latest[p]++;
	data[slot(h, p)] = latest[p];
	wants_write[slot(h, p)] = 0
}

inline request(h, p, type, state)
{
	if
	:: home_is_lost[h] ->
		holder_state[slot(h, p)] = HOLDER_LOST;
		has_copy[slot(h, p)] = 0;
		data[slot(h, p)] = 0;
		wants_write[slot(h, p)] = 0
	:: else ->
		sequence[slot(h, p)]++;
		pending[slot(h, p)] = 1;
		holder_state[slot(h, p)] = state;
		send(h, HOME, type, p, h, sequence[slot(h, p)], 0, 0, 0)
	fi
}

/* a transaction of this holder has ended: what waited for the end */
inline settled(h, p)
{
	pending[slot(h, p)] = 0;
	if
	:: holder_state[slot(h, p)] == HOLDER_EXCLUSIVE && wants_write[slot(h, p)] -> store(h, p)
	:: holder_state[slot(h, p)] == HOLDER_SHARED && wants_write[slot(h, p)] ->
		request(h, p, MESSAGE_WRITE_REQUEST, HOLDER_UPGRADING)
	:: holder_state[slot(h, p)] == HOLDER_NONE && wants_write[slot(h, p)] ->
		request(h, p, MESSAGE_WRITE_REQUEST, HOLDER_WRITING)
	:: else
	fi;
	if
	:: wants_return[slot(h, p)] && has_copy[slot(h, p)] && !is_waiting(holder_state[slot(h, p)]) ->
		wants_return[slot(h, p)] = 0;
		request(h, p, MESSAGE_RETURN, HOLDER_RETURNING)
	:: wants_return[slot(h, p)] && !has_copy[slot(h, p)] && !pending[slot(h, p)] -> wants_return[slot(h, p)] = 0
	:: else
	fi
}

inline give_up(h, p)
{
	has_copy[slot(h, p)] = 0;
	data[slot(h, p)] = 0;
	if
	:: st == HOLDER_UPGRADING -> st = HOLDER_WRITING
	:: st == HOLDER_RETURNING
	:: else -> st = HOLDER_NONE
	fi
}

inline on_fetch(h, p)
{
	assert(has_copy[slot(h, p)]);
	send(h, m_to, MESSAGE_PAGE, p, m_host, m_sequence, 0, m_access, data[slot(h, p)]);
	if
	:: m_access == ACCESS_WRITE -> give_up(h, p)
	:: m_access == ACCESS_READ && st == HOLDER_EXCLUSIVE -> st = HOLDER_SHARED
	:: else
	fi
}

inline on_invalidate(h, p)
{
	assert(has_copy[slot(h, p)] && st != HOLDER_EXCLUSIVE);
	give_up(h, p);
	send(h, HOME, MESSAGE_INVALIDATED, p, m_host, m_sequence, 0, 0, 0)
}

#define is_recall(h, p) (h == HOME && m_host != HOME && kind[p] == MESSAGE_RETURN && \
			 transaction_host[p] == m_host && transaction_sequence[p] == m_sequence && \
			 (st == HOLDER_NONE || st == HOLDER_READING || st == HOLDER_WRITING))
#define is_mine(h, p) (m_host == h && pending[slot(h, p)] && sequence[slot(h, p)] == m_sequence)

inline on_page(h, p)
{
	if
	:: (is_mine(h, p) && (st == HOLDER_READING || st == HOLDER_WRITING)) || is_recall(h, p) ->
		assert(m_access == ACCESS_WRITE || st == HOLDER_READING);
		has_copy[slot(h, p)] = 1;
		data[slot(h, p)] = m_data;
		if
		:: m_access == ACCESS_WRITE -> st = HOLDER_EXCLUSIVE
		:: else -> st = HOLDER_SHARED
		fi;
		send(h, HOME, MESSAGE_DONE, p, m_host, m_sequence, 0, m_access, 0);
		settled(h, p)
	:: else
	fi
}

inline on_grant(h, p)
{
	if
	:: is_mine(h, p) && st == HOLDER_UPGRADING ->
		st = HOLDER_EXCLUSIVE;
		send(h, HOME, MESSAGE_DONE, p, m_host, m_sequence, 0, ACCESS_WRITE, 0);
		settled(h, p)
	:: else
	fi
}

inline become_lost(h, p)
{
	holder_state[slot(h, p)] = HOLDER_LOST;
	has_copy[slot(h, p)] = 0;
	data[slot(h, p)] = 0;
	pending[slot(h, p)] = 0;
	wants_write[slot(h, p)] = 0;
	wants_return[slot(h, p)] = 0
}

inline on_lost(h, p)
{
	if
	:: is_mine(h, p) && is_waiting(st) ->
		become_lost(h, p);
		send(h, HOME, MESSAGE_DONE, p, m_host, m_sequence, 0, ACCESS_NONE, 0)
	:: is_recall(h, p) -> send(h, HOME, MESSAGE_DONE, p, m_host, m_sequence, 0, ACCESS_NONE, 0)
	:: else
	fi
}

inline on_returned(h, p)
{
	if
	:: is_mine(h, p) && st == HOLDER_RETURNING ->
		has_copy[slot(h, p)] = 0;
		data[slot(h, p)] = 0;
		st = HOLDER_NONE;
		send(h, HOME, MESSAGE_DONE, p, m_host, m_sequence, 0, ACCESS_NONE, 0);
		settled(h, p)
	:: else
	fi
}

inline on_message(h, from)
{
	if
	:: m_type == MESSAGE_READ_REQUEST || m_type == MESSAGE_WRITE_REQUEST || m_type == MESSAGE_RETURN ->
		queue[m_page]!m_type,m_host,m_sequence;
		serve(m_page)
	:: m_type == MESSAGE_INVALIDATED -> on_invalidated(m_page, from)
	:: m_type == MESSAGE_DONE -> on_done(m_page, from)
	:: m_type == MESSAGE_FETCH -> on_fetch(h, m_page)
	:: m_type == MESSAGE_INVALIDATE -> on_invalidate(h, m_page)
	:: m_type == MESSAGE_PAGE -> on_page(h, m_page)
	:: m_type == MESSAGE_GRANT -> on_grant(h, m_page)
	:: m_type == MESSAGE_LOST -> on_lost(h, m_page)
	:: m_type == MESSAGE_RETURNED -> on_returned(h, m_page)
	fi
}

inline fault_read(h, p)
{
	if
	:: st == HOLDER_NONE -> request(h, p, MESSAGE_READ_REQUEST, HOLDER_READING)
	:: else
	fi
}

inline fault_write(h, p)
{
	if
	:: st == HOLDER_EXCLUSIVE -> store(h, p)
	:: st == HOLDER_NONE ->
		wants_write[slot(h, p)] = 1;
		request(h, p, MESSAGE_WRITE_REQUEST, HOLDER_WRITING)
	:: st == HOLDER_SHARED ->
		wants_write[slot(h, p)] = 1;
		request(h, p, MESSAGE_WRITE_REQUEST, HOLDER_UPGRADING)
	:: st == HOLDER_LOST
	:: else -> wants_write[slot(h, p)] = 1
	fi
}

inline leave(h, p)
{
	if
	:: st == HOLDER_SHARED || st == HOLDER_EXCLUSIVE -> request(h, p, MESSAGE_RETURN, HOLDER_RETURNING)
	:: is_waiting(st) -> wants_return[slot(h, p)] = 1
	:: else
	fi
}

inline holder_home_lost(h, p)
{
	if
	:: is_waiting(st) -> become_lost(h, p)
	:: st == HOLDER_RETURNING ->
		become_lost(h, p)
	:: else /* SHARED stays readable, EXCLUSIVE goes on, NONE is lost when it is asked for */
	fi
}

inline flush(c)
{
	do
	:: len(c) > 0 -> c?m_type,m_page,m_host,m_sequence,m_to,m_access,m_data
	:: else -> break
	od
}

/* one writer and nobody else, or readers; and every copy is the last completed write */
inline check(p)
{
	copies = 0;
	x = 0;
	i = 0;
	do
	:: i < HOSTS ->
		if
		:: (alive & bit(i)) && has_copy[slot(i, p)] ->
			copies++;
			assert(data[slot(i, p)] == latest[p]);
			if
			:: holder_state[slot(i, p)] == HOLDER_EXCLUSIVE -> x++
			:: else
			fi
		:: else
		fi;
		i++
	:: else -> break
	od;
	assert(x == 0 || copies == 1)
}

inline check_all()
{
	keep = 0;
	do
	:: keep < PAGES -> check(keep); keep++
	:: else -> break
	od
}

inline leave_all(h)
{
	keep = 0;
	do
	:: keep < PAGES -> leave(h, keep); keep++
	:: else -> break
	od
}

inline notice_death(h)
{
	flush(link(DYING, h));
	if
	:: DYING == HOME ->
		home_is_lost[h] = 1;
		m_page = 0;
		do
		:: m_page < PAGES -> holder_home_lost(h, m_page); m_page++
		:: else -> break
		od
	:: h == HOME ->
		members = members & ~bit(DYING);
		m_page = 0;
		do
		:: m_page < PAGES -> directory_host_lost(m_page, DYING); m_page++
		:: else -> break
		od
	:: else
	fi
}

proctype host(byte h)
{
	bit has_noticed = 0;
end:
	do
	/* every link is looked at: the order between links is open, within one it is not */
	:: d_step { (alive & bit(h)) && nempty(link(0, h)) ->
		link(0, h)?m_type,m_page,m_host,m_sequence,m_to,m_access,m_data; on_message(h, 0); check_all(); i = 0 }
#if HOSTS > 1
	:: d_step { (alive & bit(h)) && nempty(link(1, h)) ->
		link(1, h)?m_type,m_page,m_host,m_sequence,m_to,m_access,m_data; on_message(h, 1); check_all(); i = 0 }
#endif
#if HOSTS > 2
	:: d_step { (alive & bit(h)) && nempty(link(2, h)) ->
		link(2, h)?m_type,m_page,m_host,m_sequence,m_to,m_access,m_data; on_message(h, 2); check_all(); i = 0 }
#endif
#if HOSTS > 3
	:: d_step { (alive & bit(h)) && nempty(link(3, h)) ->
		link(3, h)?m_type,m_page,m_host,m_sequence,m_to,m_access,m_data; on_message(h, 3); check_all(); i = 0 }
#endif
	:: d_step { (alive & bit(h)) && ops[h] < OPS && !(h == LEAVER && has_left) -> ops[h]++; fault_read(h, 0); check_all(); i = 0 }
	:: d_step { (alive & bit(h)) && ops[h] < OPS && !(h == LEAVER && has_left) -> ops[h]++; fault_write(h, 0); check_all(); i = 0 }
#if PAGES > 1
	:: d_step { (alive & bit(h)) && ops[h] < OPS && !(h == LEAVER && has_left) -> ops[h]++; fault_read(h, 1); check_all(); i = 0 }
	:: d_step { (alive & bit(h)) && ops[h] < OPS && !(h == LEAVER && has_left) -> ops[h]++; fault_write(h, 1); check_all(); i = 0 }
#endif
#if LEAVER < HOSTS
	:: d_step { (alive & bit(h)) && h == LEAVER && !has_left -> has_left = 1; leave_all(h); check_all(); i = 0 }
#endif
#if DYING < HOSTS
	:: d_step { h == DYING && (alive & bit(h)) -> alive = alive & ~bit(h) }
	:: d_step { (alive & bit(h)) && !(alive & bit(DYING)) && !has_noticed ->
		has_noticed = 1; notice_death(h); check_all(); i = 0 }
#endif
	od
}

inline check_quiet(p)
{
	assert(!(alive & bit(HOME)) || (phase[p] == PHASE_IDLE && len(queue[p]) == 0));
	keep = 0;
	do
	:: keep < HOSTS ->
		if
		:: (alive & bit(keep)) ->
			assert(!is_waiting(holder_state[slot(keep, p)]));
			assert(holder_state[slot(keep, p)] != HOLDER_RETURNING);
			assert(!wants_write[slot(keep, p)] && !wants_return[slot(keep, p)]);
			assert(keep != LEAVER || !has_left || !has_copy[slot(keep, p)]);
			if
			:: (alive & bit(HOME)) ->
				assert(has_copy[slot(keep, p)] == ((directory_hosts[p] >> keep) & 1));
				assert((holder_state[slot(keep, p)] == HOLDER_EXCLUSIVE) ==
				       (directory_state[p] == DIRECTORY_OWNED && directory_hosts[p] == bit(keep)))
			:: else
			fi
		:: else
		fi;
		keep++
	:: else -> break
	od;
	/* without a death no page may be lost, whoever leaves */
	assert(DYING < HOSTS || directory_state[p] != DIRECTORY_LOST)
}

init
{
	d_step {
		keep = 0;
		do
		:: keep < PAGES ->
			holder_state[slot(HOME, keep)] = HOLDER_EXCLUSIVE;
			has_copy[slot(HOME, keep)] = 1;
			directory_hosts[keep] = bit(HOME);
			keep++
		:: else -> break
		od;
		keep = 0
	};
	atomic {
		run host(0);
#if HOSTS > 1
		run host(1);
#endif
#if HOSTS > 2
		run host(2);
#endif
#if HOSTS > 3
		run host(3)
#endif
	};
	/* nothing can move any more: every request must have been answered */
	timeout -> d_step {
		m_page = 0;
		do
		:: m_page < PAGES -> check_quiet(m_page); m_page++
		:: else -> break
		od;
		keep = 0
	}
}
