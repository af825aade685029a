/*
 * Statements under way. The one place where the session speaks to the record.
 */
#include "session/session_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_time.h"

struct refusal *
refusal_new(const char *sqlstate, const char *message, const char *hint)
{
	struct refusal	*r = xcalloc(1, sizeof(*r));

	snprintf(r->sqlstate, sizeof(r->sqlstate), "%s", sqlstate);
	snprintf(r->message, sizeof(r->message), "%s", message);
	snprintf(r->hint, sizeof(r->hint), "%s", hint);
	return r;
}

/* The parameters of a Bind, with the types of its statement, where there is no doubt which it is. Free with free. */
static struct record_param *
run_params(const struct named *portal, unsigned *count, bool *cut)
{
	const struct named	*stmt = portal->statement;
	struct record_param	*params;
	struct wire_bind	 bind;
	struct wire_value	 v;
	unsigned		 n = 0, ntypes = stmt != NULL && portal->text.len == 0 ? stmt->ntypes : 0;

	*count = 0;
	*cut = portal->bind_cut;
	if (wire_bind((struct slice){ portal->bind.data, portal->bind.len }, portal->bind_cut, &bind) != 0 ||
	    bind.nparams == 0)
		return NULL;
	params = xcalloc(bind.nparams, sizeof(*params));
	while (n < bind.nparams && wire_bind_next(&bind, &v) == 1) {
		params[n] = (struct record_param){
			.type = n < ntypes ? stmt->types[n] : 0,
			.null = v.null,
			.binary = v.binary,
			.bytes = v.bytes,
		};
		*cut |= v.cut;
		n++;
	}
	*cut |= n < bind.nparams;
	*count = n;
	return params;
}

struct run *
run_start(struct session *s, struct slice text, bool text_cut, const struct named *portal,
    struct error *err)
{
	struct record_statement	 st = { .seq = s->seq + 1, .started_us = time_now_us() };
	struct record_param	*params = NULL;
	struct run		*r;
	int			 rc;

	st.text = text;
	st.text_cut = text_cut;
	if (st.text.n > (size_t)s->conf->log_text_max) {
		st.text.n = (size_t)s->conf->log_text_max;
		st.text_cut = true;
	}
	if (portal != NULL) {
		params = run_params(portal, &st.nparams, &st.params_cut);
		st.params = params;
	}
	rc = record_statement(s->record, &st, err);
	free(params);
	if (rc != 0) {
		log_warn("a statement cannot be recorded and is refused: %s", err->msg);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	r->seq = ++s->seq;
	r->started_us = s->now_us;
	r->executed_us = st.started_us;
	r->rows = -1;
	r->duration_us = -1;
	r->captures = s->grant.capture;
	s->total_statements++;
	return r;
}

/* All that is large of it is recorded or dropped. */
static void
run_end(struct session *s, struct run *r)
{
	if (r->duration_us >= 0)
		return;
	r->duration_us = s->now_us - r->started_us;
	if (s->keeping_down == r)
		s->keeping_down = NULL;
	if (s->keeping_up == r)
		s->keeping_up = NULL;
	if (r->captures)
		capture_finish(s, r);
}

void
run_finish(struct session *s, struct run *r)
{
	struct record_outcome	o;

	if (r == NULL)
		return;
	run_end(s, r);
	o = (struct record_outcome){
		.seq = r->seq,
		.started_us = r->executed_us,
		.duration_us = r->duration_us,
		.status = r->status,
		.sqlstate = r->sqlstate,
		.message = r->message ? r->message : "",
		.tag = buf_text(&r->tags),
		.rows = r->rows,
		.bytes = r->bytes,
	};
	record_outcome(s->record, &o);
	s->total_bytes += r->bytes;
	buf_free(&r->tags);
	free(r->message);
	free(r);
}

void
run_bound(struct session *s, struct run *r, struct named *portal)
{
	r->portal = named_ref(portal);
	portal->bound = true;
	if (s->bound_last != NULL)
		s->bound_last->next = r;
	else
		s->bound = r;
	s->bound_last = r;
}

/* The record of a Bind that was answered. Portals are most often executed in the order they were bound in. */
static struct run *
run_take_bound(struct session *s, const struct named *portal)
{
	struct run	*before = NULL, *r = s->bound;

	for (; r->portal != portal; r = r->next)
		before = r;
	if (before != NULL)
		before->next = r->next;
	else
		s->bound = r->next;
	if (s->bound_last == r)
		s->bound_last = before;
	r->next = NULL;
	named_unref(r->portal);
	r->portal = NULL;
	/* the client has taken its time in between */
	r->started_us = s->now_us;
	return r;
}

struct run *
run_of_bind(struct session *s, struct named *portal)
{
	struct pending	*e;
	struct run	*r;

	if (portal == NULL || !portal->recorded)
		return NULL;
	portal->recorded = false;
	if (portal->bound)
		return run_take_bound(s, portal);
	/* most often it is one of the last messages; the target may have failed before it */
	for (size_t i = s->pending.count; i-- > 0;) {
		e = pending_at(&s->pending, i);
		if (e->kind != PENDING_BIND || e->change.now != portal)
			continue;
		r = e->run;
		e->run = NULL;
		return r;
	}
	return NULL;
}

void
run_unexecuted(struct session *s)
{
	while (s->bound != NULL) {
		struct run	*r = s->bound;

		s->bound = r->next;
		r->next = NULL;
		r->portal->recorded = false;
		named_unref(r->portal);
		buf_put_str(&r->tags, "BIND");
		run_finish(s, r);
	}
	s->bound_last = NULL;
}

void
run_hold(struct session *s, struct run *r)
{
	if (r == NULL)
		return;
	run_end(s, r);
	if (s->held_last != NULL)
		s->held_last->next = r;
	else
		s->held = r;
	s->held_last = r;
}

void
run_release(struct session *s, const char *sqlstate, const char *message)
{
	while (s->held != NULL) {
		struct run	*r = s->held;

		s->held = r->next;
		if (*message != '\0')
			run_fail(r, RECORD_ERROR, sqlstate, message);
		run_finish(s, r);
	}
	s->held_last = NULL;
}

void
run_fail(struct run *r, enum record_status status, const char *sqlstate, const char *message)
{
	if (r == NULL || r->status != RECORD_OK)
		return;
	r->status = status;
	snprintf(r->sqlstate, sizeof(r->sqlstate), "%s", sqlstate);
	r->message = xstrdup(message);
}

void
run_fail_by(struct run *r, const struct wire_error *e)
{
	run_fail(r, strcmp(e->sqlstate, "57014") == 0 ? RECORD_CANCELLED : RECORD_ERROR, e->sqlstate, e->message);
}
