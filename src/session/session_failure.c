/*
 * The target's errors: what failed, what is skipped with it up to the next Sync, and
 * what therefore never happened. The error of a stand-in is swapped for the refusal.
 */
#include <stdlib.h>
#include <string.h>

#include "session/session_pin.h"
#include "session/session_server.h"

/* Undoes a change of the picture; those of entry `from` and later stay. */
static void
server_undo(struct session *s, struct named_change *c, size_t from)
{
	const char	*name = c->now != NULL ? c->now->name : c->before != NULL ? c->before->name : NULL;
	struct pending	*later = name != NULL ? pending_changes(&s->pending, from, c->map, name) : NULL;

	if (later != NULL)
		named_undo_below(c, &later->change);
	else
		named_undo(c);
}

/* A Parse or Bind that failed, and of which no Execute is on its way, is a record of its own. */
static void
server_record_failure(struct session *s, const struct pending *failed, const struct wire_error *e)
{
	struct named	*n = failed->change.now;
	struct named	*stmt = n != NULL && n->kind == 'P' ? n->statement : n;
	struct error	 err;
	struct run	*r;

	if (stmt == NULL || stmt->refused ||
	    (failed->kind != PENDING_PARSE && failed->kind != PENDING_BIND))
		return;
	r = run_start(s, (struct slice){ stmt->text.data, stmt->text.len }, stmt->text_cut,
	    failed->kind == PENDING_BIND ? n : NULL, &err);
	n->told = r != NULL;
	run_fail(r, RECORD_ERROR, e->sqlstate, e->message);
	run_finish(s, r);
}

/* Whether what has this record is of the statement or portal whose Parse or Bind failed: an Execute, or a Bind without one. */
static bool
server_is_of(const struct pending *e, const struct pending *failed)
{
	const struct named	*n = failed->change.now, *portal = e->kind == PENDING_BIND ? e->change.now : e->object;

	return n != NULL && portal != NULL && (portal == n || portal->statement == n);
}

/*
 * Whether the target itself says that a message which is no COPY data ended COPY: SQL can raise any
 * SQLSTATE and message, but not name this routine.
 */
static bool
server_copy_interrupted(const struct wire_error *err)
{
	return strcmp(err->sqlstate, "08P01") == 0 && strcmp(err->routine, "CopyGetData") == 0;
}

/*
 * COPY failed in the extended protocol, and it is not known how far it had read: a Sync inside the data
 * ended the skipping, or was ignored. True when that makes a difference: then
 * everything is done.
 */
static bool
server_copy_in_doubt(struct session *s, const struct wire_error *err)
{
	struct pending	*head = pending_at(&s->pending, 0), *e = head;
	size_t		 n = 1;

	if (server_copy_interrupted(err))
		server_forget_syncs(s);
	if (s->pending.count == 1 || !pending_at(&s->pending, 1)->maybe)
		return false;
	run_fail_by(head->run, err);
	while (n < s->pending.count && pending_at(&s->pending, n)->maybe)
		n++;
	while (n < s->pending.count && (e = pending_at(&s->pending, n))->kind == PENDING_COPY_END)
		pending_remove(&s->pending, n, 1);
	if (n == s->pending.count)
		s->skip_unknown = true;
	else if (e->kind != PENDING_SYNC) {
		run_fail(e->run, RECORD_ERROR, "", "outcome unknown: sent in the middle of COPY data that failed");
		session_end_fatal(s, "protocol violation", "08P01",
		    "terminating connection: DBBat cannot follow a command in the middle of COPY data that failed", "");
	}
	s->copy_in = false;
	server_complete(s);
	return true;
}

/*
 * The head failed in the extended protocol: the target skips to the next Sync.
 * What was owed up to there never comes, and what was changed is undone.
 */
static void
server_skip(struct session *s, const struct wire_error *err)
{
	struct pending	*head = pending_at(&s->pending, 0), *e;
	bool		 told = server_is_statement(head) || head->run != NULL || head->refusal != NULL;
	size_t		 n = 0;

	if (s->copy_in && server_copy_in_doubt(s, err))
		return;

	run_fail_by(head->run, err);
	while (n < s->pending.count && (e = pending_at(&s->pending, n))->kind != PENDING_SYNC) {
		if (e->kind == PENDING_BIND && e->run != NULL)
			e->change.now->told = true;
		if (n++ == 0 || e->run == NULL)
			continue;
		if (!told && server_is_of(e, head)) {
			run_fail(e->run, RECORD_ERROR, err->sqlstate, err->message);
			told = true;
		} else
			run_fail(e->run, RECORD_ERROR, "",
			    "not executed: an earlier message of the pipeline failed");
		session_give_back(s, e->run->charged);
		e->run->charged = 0;
	}
	if (!told)
		server_record_failure(s, head, err);
	if (n == s->pending.count) {
		/* more of it may come: what it is about is undone at the Sync */
		s->skipping = true;
		/* a Query behind it is skipped, too: its ReadyForQuery, which the pin would wait for, never comes */
		s->pin.waiting = false;
		for (size_t i = 0; i < n; i++)
			named_skip(&s->skipped, &pending_at(&s->pending, i)->change);
	} else {
		for (size_t i = n; i-- > 0;)
			server_undo(s, &pending_at(&s->pending, i)->change, n);
	}
	while (n-- > 0)
		server_complete(s);
	s->copy_in = false;
}

/* A message that COPY IN did not expect was taken by it, and will not be answered. */
static void
server_copy_failed(struct session *s, const struct wire_error *err)
{
	struct pending	*e;

	s->copy_in = false;
	if (!server_copy_interrupted(err))
		return;
	server_forget_syncs(s);
	if (s->pending.count == 1)
		return;
	e = pending_at(&s->pending, 1);
	if (e->kind == PENDING_COPY_END || e->kind == PENDING_SYNC)
		return;
	run_fail(e->run, RECORD_ERROR, "", "not executed: sent in the middle of COPY data");
	if (e->run != NULL)
		session_give_back(s, e->run->charged);
	run_finish(s, e->run);
	s->copies -= e->copies;
	server_undo(s, &e->change, 2);
	named_unref(e->object);
	free(e->refusal);
	pending_remove(&s->pending, 1, 1);
}

static void
server_put_refusal(struct session *s, const struct server_message *m, const struct refusal *r)
{
	lane_cut(&s->down, m->size);
	wire_put_error(lane_insert(&s->down), &(struct wire_report){ .severity = "ERROR",
	    .sqlstate = r->sqlstate, .message = r->message, .hint = r->hint });
}

void
server_error(struct session *s, const struct server_message *m)
{
	struct wire_error	 err = { .severity = "", .sqlstate = "", .message = "", .detail = "", .hint = "" };
	struct pending		*e = server_head(s);

	if (!m->partial && wire_error(m->body, &err) != 0) {
		server_lost_track(s, m->h.type);
		return;
	}
	pin_error(s);
	if (e != NULL && e->own != OWN_NONE && e->own != OWN_AROUND && strcmp(err.severity, "ERROR") == 0) {
		if (pin_tells(s, err.sqlstate))
			lane_pass(&s->down, m->size);
		else {
			lane_cut(&s->down, m->size);
			pin_failed(s, e, err.sqlstate);
		}
		server_skip(s, &err);
		return;
	}
	/* the stand-in's own error is a syntax error; any other (a cancel, a shutdown) is true as it is */
	if (e != NULL && e->refusal != NULL && strcmp(err.sqlstate, "42601") == 0)
		server_put_refusal(s, m, e->refusal);
	else
		lane_pass(&s->down, m->size);
	if (strcmp(err.severity, "FATAL") == 0 || strcmp(err.severity, "PANIC") == 0) {
		if (e != NULL)
			run_fail(e->run, RECORD_ERROR, err.sqlstate, err.message);
		s->target_fatal = true;
		return;
	}
	if (e == NULL || e->kind == PENDING_SYNC) {
		/* a Sync may fail at the commit of its implicit transaction; Ready follows */
		if (e == NULL)
			server_lost_track(s, m->h.type);
		return;
	}
	if (pending_is_simple(e->kind)) {
		run_fail_by(e->run, &err);
		if (s->copy_in)
			server_copy_failed(s, &err);
		return;
	}
	server_skip(s, &err);
}
