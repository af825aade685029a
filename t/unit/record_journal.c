/*
 * The journal as a file: what is in it after its owner was killed, what is said of one that is
 * damaged, and what happens when it cannot grow.
 */
#include "tap.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "record/record_codec.h"
#include "record/record_crc.h"
#include "record/record_journal.h"

#define MB	((size_t)1 << 20)

static char				dir[] = "/tmp/dbbat-journal-XXXXXX";
static const struct record_owner	owner = { 11, 12, 13, 14, 15 };

/* The first name in the directory that ends so, with its path; NULL: there is none. */
static char *
find(const char *suffix)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	char		*path = NULL;

	while (path == NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && strlen(e->d_name) > strlen(suffix) &&
		    strcmp(e->d_name + strlen(e->d_name) - strlen(suffix), suffix) == 0)
			path = xasprintf("%s/%s", dir, e->d_name);
	closedir(d);
	return path;
}

static int
files(void)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	int		 n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
empty(void)
{
	char	*path;

	while ((path = find("")) != NULL) {
		unlink(path);
		free(path);
	}
}

static struct record_journal *
make(size_t max, bool durable)
{
	struct error		 err = { "" };
	struct record_journal	*j = record_journal_create(dir, &owner, max, durable, &err);

	if (j == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return j;
}

/* A statement whose text is `n` bytes that its number tells. */
static void
put(struct buf *b, uint64_t seq, size_t n)
{
	unsigned char	*text = xmalloc(n + 1);

	memset(text, 'a' + (int)(seq % 26), n);
	buf_reset(b);
	record_put_statement(b, &(struct record_statement){ .seq = seq, .text = { text, n } });
	free(text);
}

static int
append(struct record_journal *j, uint64_t seq, size_t n)
{
	struct buf	b = { 0 };
	struct error	err;
	int		rc;

	put(&b, seq, n);
	rc = record_journal_reserve(j, b.len, &err);
	if (rc == 0)
		record_journal_append(j, b.data, b.len);
	buf_free(&b);
	return rc;
}

/* Whether these are the statements first…last, each as append made it. */
static bool
holds(struct slice s, uint64_t first, uint64_t last, size_t (*length)(uint64_t))
{
	struct record_event	e;
	struct buf		b = { 0 };
	bool			same = true;

	for (uint64_t seq = first; same && seq <= last; seq++) {
		put(&b, seq, length(seq));
		same = record_get(s.p, s.n, &e) == 1 && e.size == b.len && memcmp(s.p, b.data, b.len) == 0;
		if (same) {
			s.p += e.size;
			s.n -= e.size;
		}
	}
	buf_free(&b);
	return same && s.n == 0;
}

static size_t
length_many(uint64_t seq)
{
	return (size_t)(seq * 2654435761u % 3000);
}

static size_t
length_few(uint64_t seq)
{
	return 100 + (size_t)seq;
}

static void
test_ring(void)
{
	struct record_journal	*j = make(2 * MB, false);
	uint64_t		 first = 1, next = 1, ends[4096];
	bool			 good = true;
	int			 grown = 0;
	struct stat		 st;
	char			*path = find(".journal");

	stat(path, &st);
	ok(st.st_size < 100000 && st.st_blocks * 512 >= 65536, "a journal is small at first, and allocated");
	is_int(st.st_mode & 07777, 0600, "and nobody else's");
	/* the backlog swells and shrinks, over many laps and several sizes */
	for (int wave = 0; wave < 60 && good; wave++) {
		unsigned	want = wave % 6 == 5 ? 1000 : 40;

		while (next - first < want && good) {
			good = append(j, next, length_many(next)) == 0;
			ends[next++ % 4096] = record_journal_end(j);
		}
		stat(path, &st);
		grown += st.st_size > 1 << 20;
		good = good && holds(record_journal_read(j, record_journal_start(j)), first, next - 1, length_many);
		record_journal_ack(j, ends[(next - 3) % 4096]);
		first = next - 2;
		good = good && holds(record_journal_read(j, record_journal_start(j)), first, next - 1, length_many);
	}
	ok(good, "what is in it is what was put there, lap after lap");
	ok(grown > 0, "it grew");
	is_int(files(), 1, "and is one file");
	while (append(j, next, length_many(next)) == 0)
		next++;
	ok(record_journal_room(j) < 3100, "it grows up to its limit: %d bytes left", (int)record_journal_room(j));
	record_journal_ack(j, record_journal_end(j));
	is_int((long long)record_journal_room(j), 2 * MB, "when all is shipped there is room again");
	record_journal_close(j, RECORD_JOURNAL_REMOVE);
	is_int(files(), 0, "it is removed");
	free(path);

	j = make(16 * MB, false);
	path = find(".journal");
	append(j, 1, 6 * MB);
	stat(path, &st);
	ok(st.st_size > 6 << 20, "one that had to grow far");
	record_journal_trim(j);
	stat(path, &st);
	ok(st.st_size > 6 << 20, "stays so while there is something in it");
	record_journal_ack(j, record_journal_end(j));
	record_journal_trim(j);
	stat(path, &st);
	ok(st.st_size < 1 << 20, "gives the disk back when it is empty");
	append(j, 2, length_few(2));
	ok(holds(record_journal_read(j, record_journal_start(j)), 2, 2, length_few), "and goes on");
	record_journal_close(j, RECORD_JOURNAL_REMOVE);
	free(path);
}

/* Runs in a process that is killed in the middle of it. */
static void
die(bool durable, int report)
{
	struct record_journal	*j = make(64 * MB, durable);
	uint64_t		 seq = 0;

	for (;;) {
		seq++;
		append(j, seq, length_few(seq % 100));
		if (seq % 1000 == 0)
			record_journal_ack(j, record_journal_end(j));
		if (write(report, &seq, sizeof(seq)) != sizeof(seq))
			_exit(1);
	}
}

static void
test_killed(bool durable)
{
	bool	good = true, busy = true;

	for (int round = 0; round < 30 && good; round++) {
		struct record_adopted	 a;
		struct error		 err = { "" };
		struct record_event	 e;
		struct slice		 s;
		uint64_t		 told = 0, last = 0, n = 0;
		int			 ends[2];
		char			*path;
		pid_t			 pid;

		if (pipe(ends) != 0 || (pid = fork()) < 0)
			exit(1);
		if (pid == 0)
			die(durable, ends[1]);
		close(ends[1]);
		for (int i = 0; i < 500 + round * 37; i++)
			if (read(ends[0], &told, sizeof(told)) != sizeof(told))
				break;
		path = find(".journal");
		busy = busy && record_journal_adopt(path, &a, &err) == RECORD_ADOPT_BUSY;
		kill(pid, SIGKILL);
		while (read(ends[0], &told, sizeof(told)) == sizeof(told))
			;
		waitpid(pid, NULL, 0);
		close(ends[0]);
		good = record_journal_adopt(path, &a, &err) == RECORD_ADOPTED && a.lost == 0 &&
		    memcmp(&a.owner, &owner, sizeof(owner)) == 0;
		s = good ? record_journal_read(a.journal, record_journal_start(a.journal)) : (struct slice){ NULL, 0 };
		while (good && s.n > 0) {
			good = record_get(s.p, s.n, &e) == 1 && (last == 0 || e.statement.seq == last + 1) &&
			    e.statement.text.n == length_few(e.statement.seq % 100);
			last = e.statement.seq;
			s.p += e.size;
			s.n -= e.size;
			n++;
		}
		/* with everything acknowledged there is nothing to see */
		good = good && n == a.events && (last == 0 ? told % 1000 <= 1 : last >= told && last <= told + 1);
		record_journal_close(good ? a.journal : NULL, RECORD_JOURNAL_REMOVE);
		free(path);
		empty();
	}
	ok(busy, "nobody takes a journal from a process that lives");
	ok(good, "all that a killed process had put in a journal is there, and nothing half%s", durable ? " (durable)" : "");
}

/* A journal of ten statements with nobody at it. */
static char *
orphan(bool durable)
{
	struct record_journal	*j = make(MB, durable);
	struct error		 err;

	for (uint64_t seq = 1; seq <= 10; seq++)
		append(j, seq, length_few(seq));
	record_journal_sync(j, &err);
	record_journal_close(j, RECORD_JOURNAL_LEAVE);
	return find(".journal");
}

static void
patch(const char *path, off_t at, const void *p, size_t n)
{
	int	fd = open(path, O_WRONLY);

	if (pwrite(fd, p, n, at) != (ssize_t)n)
		printf("Bail out! cannot damage %s\n", path);
	close(fd);
}

/* Makes it one of another version, with a head that is right. */
static void
revise(const char *path, unsigned char version)
{
	unsigned char	head[256], crc[4];
	const size_t	started = 64;	/* of the connection, since version 4 */
	size_t		n = started + 9;	/* up to the name of the host */
	int		fd = open(path, O_RDONLY);
	uint32_t	sum;

	if (pread(fd, head, sizeof(head), 0) != sizeof(head))
		printf("Bail out! cannot read %s\n", path);
	close(fd);
	head[11] = version;
	while (head[n++] != '\0')
		;
	if (version < 4) {
		memmove(head + started, head + started + 8, n - started - 8);
		n -= 8;
	}
	sum = record_crc32c(head, n);
	for (int i = 3; i >= 0; i--, sum >>= 8)
		crc[i] = sum & 0xff;
	patch(path, 0, head, n);
	patch(path, (off_t)n, crc, 4);
}

static void
test_versions(void)
{
	struct record_adopted	 a;
	struct error		 err = { "" };
	char			*path = orphan(false);

	for (unsigned char version = 1; version <= 4; version++) {
		revise(path, version);
		ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPTED, "a journal of version %d is taken over: %s", version, err.msg);
		is_int((long long)a.events, 10, "with its events");
		is_int(a.owner.started_us, version < 4 ? RECORD_TIME_UNKNOWN : 15, "and what was known of its connection");
		record_journal_close(a.journal, RECORD_JOURNAL_REMOVE);
		free(path);
		path = orphan(false);
	}
	revise(path, 5);
	ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPT_FOREIGN, "one of a later version is not: %s", err.msg);
	is_int(access(path, F_OK), 0, "and is left alone");
	free(path);
	empty();
}

static void
test_damaged(void)
{
	const long		 page = sysconf(_SC_PAGESIZE);
	struct record_adopted	 a;
	struct error		 err = { "" };
	char			*path = orphan(false), *aside;
	uint64_t		 none = 0, far = (uint64_t)1 << 60;

	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPTED, "a journal is taken over");
	is_int((long long)a.events, 10, "with all its events");
	record_journal_close(a.journal, RECORD_JOURNAL_LEAVE);
	patch(path, page + 700, "\377\377\377", 3);
	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPTED, "one with a damaged frame, too");
	ok(a.events > 3 && a.events < 6 && a.lost > 500, "up to the damage: %d events, %d bytes lost", (int)a.events, (int)a.lost);
	ok(holds(record_journal_read(a.journal, 0), 1, a.events, length_few), "those are whole");
	record_journal_close(a.journal, RECORD_JOURNAL_SET_ASIDE);
	aside = find(".journal.damaged");
	ok(aside != NULL && files() == 1, "it can be set aside");
	free(aside);
	free(path);
	empty();

	/* durable, never synced: what lies behind was never promised */
	path = orphan(true);
	patch(path, 2048 + 16, &none, 8);
	patch(path, page + 700, "\377\377\377", 3);
	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPTED, "what was not synced");
	is_int((long long)a.lost, 0, "is no loss when it is gone");
	record_journal_close(a.journal, RECORD_JOURNAL_REMOVE);
	free(path);

	path = orphan(false);
	patch(path, 2048 + 8, &far, 8);
	ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPT_DAMAGED, "positions that cannot be: %s", err.msg);
	free(path);
	empty();
	path = orphan(false);
	patch(path, 20, "\1", 1);
	ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPT_DAMAGED, "a head that was changed: %s", err.msg);
	free(path);
	empty();
	path = orphan(false);
	ok(truncate(path, 40000) == 0, "cut");
	ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPT_DAMAGED, "a file too short for its head: %s", err.msg);
	free(path);
	empty();
	path = orphan(false);
	ok(truncate(path, 0) == 0, "emptied");
	ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPT_DAMAGED, "an empty file: %s", err.msg);
	free(path);
	empty();
	path = xasprintf("%s/1.journal", dir);
	ok(symlink("/etc/passwd", path) == 0, "a link");
	ok(record_journal_adopt(path, &a, &err) == RECORD_ADOPT_FOREIGN, "is not followed: %s", err.msg);
	unlink(path);
	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPT_BUSY, "one that is gone is no error");
	ok(mkdir(path, 0700) == 0 && record_journal_adopt(path, &a, &err) == RECORD_ADOPT_FOREIGN, "a directory is not taken: %s", err.msg);
	rmdir(path);
	ok(mkfifo(path, 0600) == 0 && record_journal_adopt(path, &a, &err) == RECORD_ADOPT_FOREIGN, "nor a pipe: %s", err.msg);
	unlink(path);
	free(path);
	path = orphan(false);
	if (geteuid() == 0) {
		ok(chown(path, 65534, 65534) == 0 && record_journal_adopt(path, &a, &err) == RECORD_ADOPT_FOREIGN,
		    "nor what somebody else has put there: %s", err.msg);
		is_int(access(path, F_OK), 0, "which is left alone");
	}
	unlink(path);
	free(path);
}

static size_t
length_thousand(uint64_t seq)
{
	(void)seq;
	return 1000;
}

/*
 * Power goes: the disk has the positions of the last sync, and whatever of the ring the kernel has written since.
 * What was synced and is not in storage must be there.
 */
static void
test_power(void)
{
	struct record_journal	*j = make(64 << 10, true);
	struct record_adopted	 a;
	struct error		 err = { "" };
	char			*path = find(".journal");
	unsigned char		 live[64];
	uint64_t		 shipped = 0, synced;
	bool			 good = true;
	int			 fd = open(path, O_RDONLY);

	for (uint64_t seq = 1; seq <= 60; seq++) {
		good &= append(j, seq, 1000) == 0;
		if (seq == 50)
			shipped = record_journal_end(j);
	}
	ok(good && record_journal_sync(j, &err) == 0 && pread(fd, live, sizeof(live), 2048) == sizeof(live), "a journal that is synced");
	record_journal_ack(j, shipped);
	for (uint64_t seq = 61; seq <= 100; seq++) {
		synced = record_journal_synced(j);
		good &= append(j, seq, 1000) == 0;
		if (record_journal_synced(j) != synced)
			good &= pread(fd, live, sizeof(live), 2048) == sizeof(live);
	}
	ok(good, "and goes on over what is in storage");
	close(fd);
	record_journal_close(j, RECORD_JOURNAL_LEAVE);
	patch(path, 2048, live, sizeof(live));
	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPTED, "is taken over after a loss of power");
	ok(a.events >= 10 && a.lost == 0, "with what was synced: %d events, %d bytes lost", (int)a.events, (int)a.lost);
	ok(holds(record_journal_read(a.journal, record_journal_start(a.journal)), 51, 50 + a.events, length_thousand), "as it was");
	record_journal_close(a.journal, RECORD_JOURNAL_REMOVE);
	free(path);
}

/* Bytes changed at random, in the head, the positions and the frames: whatever comes, nothing is overrun. */
static void
test_random(void)
{
	const long	page = sysconf(_SC_PAGESIZE);
	int		adopted = 0, damaged = 0;

	srandom(1);
	for (int i = 0; i < 400; i++) {
		char			*path = orphan(i % 2);
		struct record_adopted	 a;
		struct error		 err;
		unsigned char		 byte = (unsigned char)random();
		const off_t		 places[] = { random() % 96, 2048 + random() % 24, page + random() % 1500 };

		patch(path, places[i % 3], &byte, 1);
		switch (record_journal_adopt(path, &a, &err)) {
		case RECORD_ADOPTED:
			adopted++;
			record_journal_close(a.journal, RECORD_JOURNAL_REMOVE);
			break;
		case RECORD_ADOPT_DAMAGED:
			damaged++;
			break;
		default:
			break;
		}
		free(path);
		empty();
	}
	ok(adopted > 50 && damaged > 50, "random damage: %d adopted, %d set aside", adopted, damaged);
}

static void
test_no_room(void)
{
	struct record_journal	*j = make(64 * MB, false);
	struct rlimit		 limit = { 200000, RLIM_INFINITY };
	struct error		 err = { "" };
	uint64_t		 seq = 0;
	char			*none = xasprintf("%s/none/journal", dir);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (append(j, seq + 1, 1000) == 0)
		seq++;
	ok(seq > 100 && seq < 200, "without room on the disk there is an end to it: %d", (int)seq);
	ok(record_journal_reserve(j, 100000, &err) == -1, "in these words: %s", err.msg);
	is_int(files(), 1, "the attempt leaves nothing behind");
	record_journal_ack(j, record_journal_end(j));
	is_int(append(j, 1, length_few(1)), 0, "when it is shipped there is room");
	ok(holds(record_journal_read(j, record_journal_start(j)), 1, 1, length_few), "and nothing is broken");
	record_journal_close(j, RECORD_JOURNAL_REMOVE);
	limit.rlim_cur = 10000;
	setrlimit(RLIMIT_FSIZE, &limit);
	ok(record_journal_create(dir, &owner, MB, false, &err) == NULL, "without room for the first bytes there is no journal: %s",
	    err.msg);
	is_int(files(), 0, "and no file");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ok(record_journal_create(none, &owner, MB, false, &err) == NULL, "nor without a directory: %s", err.msg);
	free(none);
}

/* What was used of a quota stays known when the journal becomes another file. */
static void
test_used(void)
{
	struct record_journal	*j = make(MB, false);
	struct record_adopted	 a;
	struct error		 err = { "" };
	char			*path;

	record_journal_used(j, 5, 600);
	append(j, 1, 200000);
	record_journal_close(j, RECORD_JOURNAL_LEAVE);
	path = find(RECORD_JOURNAL_SUFFIX);
	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPTED, "a journal that has grown is adopted");
	ok(a.limited && a.counts, "it tells of a quota");
	is_int((long long)a.used_queries, 5, "how many statements were used");
	is_int((long long)a.used_bytes, 600, "and how many bytes");
	record_journal_close(a.journal, RECORD_JOURNAL_REMOVE);
	free(path);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL) {
		printf("Bail out! no directory\n");
		return 1;
	}
	test_ring();
	test_killed(false);
	test_killed(true);
	test_versions();
	test_damaged();
	test_power();
	test_random();
	test_used();
	test_no_room();
	empty();
	rmdir(dir);
	return tap_done();
}
