/*
 * Sessions that were let in, at a real keeper on a real storage: quotas, revocation and what else ends
 * them, cancel keys, a storage that goes and comes back, and the keeper's own end.
 */
#include "keeper_rig.h"

#define FOREVER	"now() - interval '1 hour', now() + interval '9 hours', "

static const struct who	john = { "john", "secret123", "my_database", false };
static const struct who	mary = { "mary", "secret456", "my_database", false };

/* Statements leased and not returned. */
#define USED(grant)	"SELECT queries || '/' || bytes FROM dbbat.grant_usage WHERE grant_id = " #grant

static void
test_leases(void)
{
	static const struct who	quota = { "quota", "x", "my_database", false };
	static const struct who	free_one = { "free", "x", "my_database", false };
	struct ipc_leased	m;
	char			left[64];
	int			a, b, c, turn = 0, asked = 0;
	uint64_t		got = 0, mine[2] = { 0, 0 };

	add_user(20, "quota", "x");
	add_grant(20, 20, 1, "'read', " FOREVER "100, 1000000");
	a = session(&quota);
	b = session(&quota);
	ok(grant.query_quota && grant.byte_quota, "the grant says it has quotas");

	is_str(lease(a, 3, 0), "3/0", "a small lease is given as asked");
	is_str(lease(a, 50, 0), "12/0", "a large one is an eighth of what is left");
	mine[0] = 15;
	/* in turns, and both at once, until there is none */
	while (asked++ < 200) {
		int	ends[2] = { a, b }, empty = 0;

		for (turn = 0; turn < 2; turn++)
			SAY(ends[turn], lease, .queries = 10);
		for (turn = 0; turn < 2; turn++) {
			m.queries = 0;
			if (hear(ends[turn]) != IPC_LEASED || ipc_get_leased(HEARD, &m) != 0 || m.failed)
				cluster_fail("no lease");
			mine[turn] += m.queries;
			empty += m.queries == 0;
		}
		if (empty == 2)
			break;
	}
	got = mine[0] + mine[1];
	is_int(got, 100, "two sessions together get exactly the quota");
	is_str(lease(a, 1, 0), "0/0", "and then nothing");
	is_str(sql(USED(20)), "100/0", "the counter agrees");

	is_str(lease(a, 0, 10), "0/10", "bytes as few as are needed");
	is_str(lease(a, 0, 1 << 20), "0/124998", "of many an eighth");
	while (strcmp(lease(b, 0, 1 << 20), "0/0") != 0)
		;
	is_str(sql(USED(20)), "100/1000000", "up to the last byte");

	bye(a, 5, 0);
	becomes(USED(20), "95/1000000", "BYE gives back what is left");
	is_str(lease(b, 100, 0), "1/0", "for others to take");
	SAY(b, bye, .queries = UINT64_MAX);
	is_int(hear(b), IPC_SETTLED, "what is settled is confirmed");
	is_int(hear(b), IPC_NONE, "BYE is the last word");
	close(b);
	snprintf(left, sizeof(left), "%" PRIu64 "/1000000", mine[0] - 5);
	becomes(USED(20), left, "a BYE that claims more returns no more than that session was given");

	sql("UPDATE dbbat.grant_usage SET queries = 0, bytes = 0 WHERE grant_id = 20");
	a = session(&quota);
	is_str(lease(a, 8, 0), "8/0", "a session that takes some");
	close(a);
	becomes("SELECT count(*) FROM dbbat.connections WHERE username = 'quota' AND end_reason = 'session process died'", "1",
	    "and dies");
	is_str(sql(USED(20)), "8/0", "keeps it: what it did with it is in its journal");
	is_str(sql("SELECT count(*) FROM dbbat.leases WHERE grant_id = 20"), "1", "to be settled by that");
	a = session(&quota);
	close(a);
	becomes("SELECT count(*) FROM dbbat.connections WHERE username = 'quota' AND end_reason = 'session process died'", "2",
	    "one that dies before it had any");
	is_str(sql("SELECT count(*) FROM dbbat.leases WHERE grant_id = 20"), "1", "leaves nothing to be settled");
	a = session(&quota);
	is_str(lease(a, 8, 100), "8/100", "one that says what it uses");
	SAY(a, used, .queries = 3, .bytes = 40);
	becomes("SELECT sum(queries_used) || '/' || sum(bytes_used) FROM dbbat.leases WHERE grant_id = 20", "3/40", "is shown so");
	SAY(a, used, .queries = 5, .bytes = 70);
	bye(a, 8, 100);
	becomes(USED(20), "13/70", "and settled by what it said last, whatever it says is left");
	a = session(&quota);
	is_str(lease(a, 8, 0), "8/0", "who says that he used more than he had");
	SAY(a, used, .queries = UINT64_MAX, .bytes = UINT64_MAX);
	bye(a, 0, 0);
	usleep(100000);
	is_str(sql(USED(20)), "21/70", "gets nothing back");
	sql("UPDATE dbbat.grant_usage SET queries = 8, bytes = 0 WHERE grant_id = 20");

	/* a lease that is under way when its session leaves comes back whole */
	a = session(&quota);
	b = dial();
	SAY(a, lease, .queries = 8, .bytes = 8);
	SAY(a, used, .queries = 0, .bytes = 0);
	SAY(a, bye, .queries = 0, .bytes = 0);
	hear(a);
	close(a);
	close(b);
	becomes(USED(20), "8/0", "a lease that nobody heard of is returned");

	/* storage is slow, and the session is dead before it is answered */
	a = session(&quota);
	sql("BEGIN; SELECT 1 FROM dbbat.grant_usage WHERE grant_id = 20 FOR UPDATE");
	SAY(a, lease, .queries = 8, .bytes = 8);
	usleep(100000);
	close(a);
	usleep(100000);
	sql("COMMIT");
	becomes("SELECT count(*) FROM dbbat.connections WHERE id = (SELECT max(id) FROM dbbat.connections) AND ended_at IS NULL", "0", "its session dies");
	becomes(USED(20), "8/0", "a lease that came too late is returned");

	/* settled by another before: nothing more is leased, nothing returned */
	a = session(&quota);
	is_str(lease(a, 8, 0), "8/0", "a session has a lease");
	sql("WITH gone AS (DELETE FROM dbbat.leases WHERE grant_id = 20 AND queries = 8 AND connection_id = (SELECT max(connection_id) "
	    "FROM dbbat.leases) RETURNING 1) UPDATE dbbat.grant_usage SET queries = queries - 8 WHERE grant_id = 20");
	is_str(sql(USED(20)), "8/0", "and is settled");
	bye(a, 8, 0);
	usleep(100000);
	is_str(sql(USED(20)), "8/0", "which is done once");

	add_user(22, "free", "x");
	add_grant(22, 22, 1, "'read', " FOREVER "NULL, NULL");
	c = session(&free_one);
	ok(!grant.query_quota && !grant.byte_quota, "a grant without quotas");
	is_str(sql("SELECT count(*) FROM dbbat.leases WHERE connection_id = %" PRIu64, grant.connection_id), "0", "leases nothing");
	bye(c, 0, 0);
	c = session(&john);
	is_str(lease(c, 5000, 1 << 30), "5000/1073741824", "a large quota gives what is asked");
	is_str(lease(c, UINT64_MAX, UINT64_MAX), "4294967296/1099511627776", "within reason");
	/* storage does not answer the keeper before both are there */
	sql("BEGIN; LOCK TABLE dbbat.grant_usage");
	SAY(c, lease, .queries = 1);
	SAY(c, lease, .queries = 1);
	is_int(hear(c), IPC_NONE, "a second LEASE before the answer to the first is out of order");
	sql("COMMIT");
	close(c);
	sql("UPDATE dbbat.grant_usage SET queries = 0, bytes = 0 WHERE grant_id = 2");

	sql("UPDATE dbbat.grants SET expires_at = now() - interval '1 second' WHERE id = 20");
	ok(strstr(refusal(&quota), "28000") != NULL, "the grant expires");
}

static void
test_terminations(void)
{
	int	fd, other = session(&mary);

	fd = session(&john);
	sql("UPDATE dbbat.grants SET revoked_at = now() WHERE id = 2; NOTIFY dbbat, 'grant 2'");
	is_str(termination(fd), "57P01 the grant for database \"my_database\" was revoked", "a revoked grant");
	sql("NOTIFY dbbat, 'grant 2'");
	is_int(hear_within(fd, 200), -1, "is told once");
	is_str(lease(fd, 1, 1), "0/0", "and gets no more leases");
	bye(fd, 0, 0);

	/* revoked, but nobody said so */
	sql("UPDATE dbbat.grants SET revoked_at = NULL WHERE id = 2");
	fd = session(&john);
	sql("UPDATE dbbat.grants SET revoked_at = now() WHERE id = 2");
	SAY(fd, lease, .queries = 1);
	is_str(termination(fd), "57P01 the grant for database \"my_database\" was revoked", "seen at the next lease");
	is_int(hear(fd), IPC_LEASED, "which is answered too");
	bye(fd, 0, 0);
	sql("UPDATE dbbat.grants SET revoked_at = NULL, expires_at = now() + interval '1 second' WHERE id = 2");
	fd = session(&john);
	sleep(1);
	sql("NOTIFY dbbat, 'grant 2'");
	is_str(termination(fd), "57P01 the grant for database \"my_database\" has expired", "an expired grant");
	bye(fd, 0, 0);
	sql("UPDATE dbbat.grants SET expires_at = now() + interval '1 hour' WHERE id = 2");

	fd = session(&john);
	sql("UPDATE dbbat.users SET is_admin = true, updated_at = now() WHERE id = 2; NOTIFY dbbat, 'user 2'");
	sql("UPDATE dbbat.databases SET description = 'new' WHERE id = 1; NOTIFY dbbat, 'database 1'");
	sql("NOTIFY dbbat, 'grant 2'; NOTIFY dbbat, 'grant 999'; NOTIFY dbbat, 'grant x'; NOTIFY dbbat, ''; "
	    "NOTIFY dbbat, 'connection '; NOTIFY dbbat, 'grant 99999999999999999999999999'");
	is_int(hear_within(fd, 300), -1, "changes that do not concern access end nobody");
	add_user(2, "john", "secret123");
	sql("NOTIFY dbbat, 'user 2'");
	is_str(termination(fd), "57P01 your DBBat user was changed or deleted", "a password that was set again");
	bye(fd, 0, 0);

	fd = session(&john);
	sql("UPDATE dbbat.connections SET end_asked_at = now() WHERE id = %" PRIu64 "; NOTIFY dbbat, 'connection %" PRIu64 "'",
	    grant.connection_id, grant.connection_id);
	is_str(termination(fd), "57P01 the connection was terminated by an administrator", "one connection");
	bye(fd, 0, 0);

	fd = session(&john);
	is_int(hear_within(other, 0), -1, "in all that another user's session was left alone");
	sql("UPDATE dbbat.databases SET host = 'elsewhere' WHERE id = 1; NOTIFY dbbat, 'database 1'");
	is_str(termination(fd), "57P01 the database \"my_database\" was changed or deleted", "another target");
	is_str(termination(other), "57P01 the database \"my_database\" was changed or deleted", "ends all of its sessions");
	bye(fd, 0, 0);
	bye(other, 0, 0);
}

static void
test_cancel(void)
{
	unsigned char	secret[4];
	uint32_t	pid = 4711;
	int		fd = session(&john), other, in;

	/* backends of two targets may well have the same pid */
	SAY(fd, started, .backend_pid = pid);
	other = session(&mary);
	memcpy(secret, grant.cancel_secret.p, sizeof(secret));
	in = dial();
	SAY(in, cancel_key, .pid = pid, .secret = { secret, sizeof(secret) });
	hear(in);
	close(in);
	is_int(hear_within(other, 50), -1, "no cancel before the target is connected");
	SAY(other, started, .backend_pid = pid);
	in = dial();
	SAY(in, cancel_key, .pid = pid, .secret = { secret, sizeof(secret) });
	is_int(hear(in), IPC_NONE, "a cancel request is answered by hanging up");
	close(in);
	is_int(hear(other), IPC_CANCEL, "it reaches its session");
	is_int(hear_within(fd, 0), -1, "and no other");
	secret[0] ^= 1;
	for (size_t n = 0; n <= sizeof(secret); n++) {
		in = dial();
		SAY(in, cancel_key, .pid = pid, .secret = { secret, n });
		hear(in);
		close(in);
	}
	is_int(hear_within(other, 100), -1, "a wrong key reaches nobody");
	secret[0] ^= 1;

	/* nobody reads: cancels do not pile up */
	for (int i = 0; i < 1000; i++) {
		in = dial();
		SAY(in, cancel_key, .pid = pid, .secret = { secret, sizeof(secret) });
		hear(in);
		close(in);
	}
	for (int i = 0; i < 1000 && hear_within(other, 100) == IPC_CANCEL; i++)
		;
	is_str(lease(other, 1, 0), "1/0", "a session that is flooded with cancels lives");
	SAY(other, started, .backend_pid = pid + 1);
	is_int(hear(other), IPC_NONE, "a second STARTED is out of place");
	close(other);
	in = dial();
	SAY(in, cancel_key, .pid = pid, .secret = { secret, sizeof(secret) });
	is_int(hear(in), IPC_NONE, "a key of a session that ended");
	close(in);
	bye(fd, 0, 0);
}

/* An API worker that asks and does not read is dropped, not stored for. */
static void
test_unread(void)
{
	static unsigned char	secret[30000];
	int			fd = dial(), sent = 0;
	struct buf		packet = { 0 };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	SAY(fd, hello, .token = { rig_token, sizeof(rig_token) });
	ipc_put_seal(&packet, &(struct ipc_seal){ .identity = "user:1:scram", .secret = { secret, sizeof(secret) } });
	for (int64_t end = time_mono_us() + RIG_PATIENCE * 1000; time_mono_us() < end; )
		if (ipc_send(fd, &packet) == 0)
			sent++;
		else if (errno == EAGAIN)
			usleep(1000);
		else
			break;
	ok(sent < 1000 && (errno == EPIPE || errno == ECONNRESET), "who does not read is hung up on (after %d)", sent);
	buf_free(&packet);
	close(fd);
}

static void
test_outage(void)
{
	struct who	w = john;
	int		fd = session(&john), waiting = dial(), late = dial();

	is_int(ask_login(waiting, &john), IPC_CHALLENGE, "a login is under way");
	is_int(cluster_stop(), 0, "storage stops");
	prove(waiting, john.password);
	is_int(hear(waiting), IPC_REFUSE, "and is refused");
	ipc_get_refuse(HEARD, &refuse);
	is_str(refuse.sqlstate, "57P03", "with 57P03");
	close(waiting);
	is_str(refusal(&w), "57P03 DBBat cannot reach its storage database, so no access can be recorded; try again shortly|",
	    "a new one too");
	is_str(lease(fd, 1, 1), "0/0 failed", "a lease fails");
	is_int(hear_within(fd, 100), -1, "the session stays");
	is_int(rig_storage_start(), 0, "storage starts again");
	for (int64_t end = time_mono_us() + RIG_PATIENCE * 1000; time_mono_us() < end; usleep(50000))
		if (strcmp(lease(fd, 1, 1), "1/1") == 0)
			break;
	is_str(lease(fd, 1, 1), "1/1", "leases work again");
	bye(session(&john), 0, 0);
	ok(true, "so do logins");

	/* what was missed while away */
	cluster_stop();
	is_str(lease(fd, 1, 1), "0/0 failed", "away once more");
	kill(rig_keeper, SIGSTOP);
	rig_storage_start();
	sql("UPDATE dbbat.grants SET revoked_at = now() WHERE id = 2");
	kill(rig_keeper, SIGCONT);
	is_int(hear(fd), IPC_TERMINATE, "a revocation that no notification told of is found after the outage");
	bye(fd, 0, 0);
	sql("UPDATE dbbat.grants SET revoked_at = NULL WHERE id = 2");

	/* the server ends just our connection */
	fd = session(&john);
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dbbat keeper'");
	sql("UPDATE dbbat.grants SET revoked_at = now() WHERE id = 2; NOTIFY dbbat, 'grant 2'");
	is_int(hear(fd), IPC_TERMINATE, "nor is one lost with a connection");
	bye(fd, 0, 0);
	sql("UPDATE dbbat.grants SET revoked_at = NULL WHERE id = 2");
	close(late);
}

/* What the next keeper is told of the session of the last GRANT. */
struct papers {
	uint64_t	id;
	unsigned char	ticket[512];
	size_t		n;
};

static struct papers
papers(void)
{
	struct papers	p = { .id = grant.connection_id, .n = grant.ticket.n };

	if (p.n == 0 || p.n > sizeof(p.ticket))
		cluster_fail("no ticket");
	memcpy(p.ticket, grant.ticket.p, p.n);
	return p;
}

/* REGISTER: the type of the answer. */
static int
registered(int fd, const struct papers *p)
{
	SAY(fd, register, .connection_id = p->id, .ticket = { p->ticket, p->n }, .backend_pid = 4711);
	return hear(fd);
}

static void
keeper_killed(void)
{
	kill(rig_keeper, SIGKILL);
	keeper_ends();
	keeper_start();
}

static void
test_registration(void)
{
	static const struct who	quota = { "next", "x", "my_database", false };
	struct papers		mine, others, ended;
	unsigned char		secret[4];
	int			fd, other, in;

	add_user(21, "next", "x");
	add_grant(21, 21, 1, "'read', " FOREVER "100, NULL");
	fd = session(&quota);
	mine = papers();
	memcpy(secret, grant.cancel_secret.p, sizeof(secret));
	is_str(lease(fd, 5, 0), "5/0", "a session has a lease");
	other = session(&john);
	others = papers();
	in = session(&john);
	ended = papers();
	bye(in, 0, 0);
	sql("UPDATE dbbat.connections SET ended_at = now() WHERE id = %" PRIu64, ended.id);
	keeper_killed();
	is_int(hear(fd), IPC_NONE, "its keeper is killed");
	close(fd);
	close(other);

	fd = dial();
	is_int(registered(fd, &mine), IPC_REGISTERED, "the next one knows it by its ticket");
	is_str(lease(fd, 3, 0), "3/0", "and leases to it");
	in = dial();
	SAY(in, cancel_key, .pid = 4711, .secret = { secret, sizeof(secret) });
	hear(in);
	close(in);
	is_int(hear(fd), IPC_CANCEL, "its cancel key is good");
	in = dial();
	is_int(registered(in, &mine), IPC_NONE, "the same ticket is not good twice at a time");
	close(in);
	SAY(fd, bye, .queries = 100);
	hear(fd);
	close(fd);
	becomes(USED(21), "0/0", "it returns what it was leased, by whichever keeper, and not what it says");

	in = dial();
	others.id++;
	is_int(registered(in, &others), IPC_NONE, "a ticket of another connection");
	close(in);
	others.id--;
	for (size_t i = 0; i < others.n; i += 7) {
		others.ticket[i] ^= 1;
		in = dial();
		if (registered(in, &others) != IPC_NONE)
			cluster_fail("a changed ticket is good");
		close(in);
		others.ticket[i] ^= 1;
	}
	ok(true, "a ticket that was changed");
	for (size_t n = others.n; n > 0; n -= n > 9 ? 9 : n) {
		struct papers	cut = others;

		cut.n = n - 1;
		in = dial();
		if (registered(in, &cut) != IPC_NONE)
			cluster_fail("a cut ticket is good");
		close(in);
	}
	ok(true, "a ticket that was cut");
	in = dial();
	SAY(in, lease, .queries = 1);
	is_int(hear(in), IPC_NONE, "no ticket at all");
	close(in);
	in = dial();
	is_int(registered(in, &ended), IPC_TERMINATE, "a connection that has ended does not come back");
	close(in);

	add_user(2, "john", "secret123");
	in = dial();
	is_int(registered(in, &others), IPC_TERMINATE, "a password that was changed while no keeper was there");
	bye(in, 0, 0);
	other = session(&john);
	others = papers();
	sql("UPDATE dbbat.grants SET revoked_at = now() WHERE id = 2");
	keeper_killed();
	close(other);
	in = dial();
	is_int(registered(in, &others), IPC_TERMINATE, "a grant that was revoked meanwhile");
	bye(in, 0, 0);
	sql("UPDATE dbbat.grants SET revoked_at = NULL WHERE id = 2");

	/* with storage away it goes on, and is checked afterwards */
	other = session(&john);
	others = papers();
	cluster_stop();
	keeper_killed();
	close(other);
	in = dial();
	is_int(registered(in, &others), IPC_REGISTERED, "an outage of storage ends no session");
	kill(rig_keeper, SIGSTOP);
	rig_storage_start();
	sql("UPDATE dbbat.grants SET revoked_at = now() WHERE id = 2");
	kill(rig_keeper, SIGCONT);
	is_int(hear(in), IPC_TERMINATE, "which is checked after the outage");
	bye(in, 0, 0);
	sql("UPDATE dbbat.grants SET revoked_at = NULL WHERE id = 2");
}

/* SIGUSR1: another keeper is there. */
static void
test_retirement(void)
{
	static const struct who	quota = { "next", "x", "my_database", false };
	struct papers		idle, busy;
	pid_t			old;
	int			fd = session(&quota), leasing, begun, next;

	idle = papers();
	sql("UPDATE dbbat.grant_usage SET queries = 0 WHERE grant_id = 21");
	is_str(lease(fd, 5, 0), "5/0", "a session has a lease");
	leasing = session(&quota);
	busy = papers();
	begun = dial();
	is_int(ask_login(begun, &john), IPC_CHALLENGE, "a login is under way");
	sql("BEGIN; SELECT 1 FROM dbbat.grant_usage WHERE grant_id = 21 FOR UPDATE");
	SAY(leasing, lease, .queries = 4);
	usleep(100000);
	old = rig_keeper;
	keeper_start();
	kill(old, SIGUSR1);

	is_int(hear(fd), IPC_NONE, "the old keeper sends an idle session on");
	SAY(fd, lease, .queries = 1);
	next = dial();
	is_int(registered(next, &idle), IPC_REGISTERED, "to the new one");
	is_int(hear_within(leasing, 100), -1, "one that waits for a lease stays");
	sql("COMMIT");
	is_int(hear(leasing), IPC_LEASED, "until it has it");
	is_int(hear(leasing), IPC_NONE, "and is sent on then");
	is_str(sql(USED(21)), "9/0", "what they have stays theirs");
	bye(leasing, 4, 0);
	becomes(USED(21), "5/0", "and who ends on leaving is settled");
	prove(begun, john.password);
	is_int(hear(begun), IPC_GRANT, "the login is finished");
	is_int(hear(begun), IPC_NONE, "and sent on too");
	is_int(waitpid(old, NULL, WNOHANG), 0, "the old keeper is there while one has not hung up");
	close(begun);
	close(fd);
	for (int i = 0; i < RIG_PATIENCE / 10 && waitpid(old, NULL, WNOHANG) == 0; i++)
		usleep(10000);
	ok(waitpid(old, NULL, WNOHANG) < 0 && errno == ECHILD, "and is gone then");
	is_str(sql("SELECT count(*) FROM dbbat.connections WHERE ended_at IS NOT NULL AND id IN (%" PRIu64 ", %" PRIu64 ")",
	    idle.id, busy.id), "0", "nobody was taken for dead");
	is_str(lease(next, 1, 0), "1/0", "the new one serves");
	bye(next, 0, 0);
}

static void
test_drain(void)
{
	int	fd = session(&john), begun = dial(), status;

	is_int(ask_login(begun, &john), IPC_CHALLENGE, "a login is under way");
	kill(rig_keeper, SIGTERM);
	usleep(100000);
	is_str(refusal(&john), "57P03 DBBat is shutting down|", "after SIGTERM no new login");
	is_str(lease(fd, 1, 1), "1/1", "who is in goes on");
	close(begun);
	usleep(100000);
	is_int(waitpid(rig_keeper, &status, WNOHANG), 0, "the keeper is there as long as a session is");
	close(fd);
	is_int(keeper_ends(), 0, "and ends with the last one");
	is_str(sql("SELECT count(*) FROM dbbat.connections WHERE ended_at IS NULL AND id = "
	    "(SELECT max(id) FROM dbbat.connections)"), "0", "whose end it has still recorded");
}

int
main(void)
{
	rig_start();
	add_user(2, "john", "secret123");
	add_user(3, "mary", "secret456");
	add_database(1, "my_database");
	add_grant(2, 2, 1, "'write', " FOREVER "9007199254740991, 9007199254740991");
	add_grant(3, 3, 1, "'write', " FOREVER "9007199254740991, NULL");
	test_leases();
	test_terminations();
	test_cancel();
	test_unread();
	test_outage();
	test_registration();
	test_retirement();
	test_drain();
	keeper_start();
	bye(session(&john), 0, 0);
	ok(true, "a new keeper takes over");
	rig_end();
	return tap_done();
}
