/*
 * The file of a journal: a page for its head, then a ring of frames. The ring is
 * mapped twice in a row, so that any run of frames is in one piece. Included by
 * record_journal.c and record_adopt.c only.
 *
 * Head, big-endian: "DBBATJNL", u32 version, u32 page size, u64 ring size, u64 connection, user,
 * database and grant id, i64 time of opening by the clock of the node (us), i64 time of the connection's row by that of
 * storage, u8 durable, name of the host with a NUL, u32 CRC-32C of all that. At RECORD_FILE_LIVE the positions that move, as this machine writes them.
 * In version 1 outcomes and results did not have the time of their statement, before 4 there was none of the connection's
 * row: they are read, and no longer written.
 */
#ifndef RECORD_FILE_H
#define RECORD_FILE_H

#include <stdatomic.h>

#include "record/record_journal.h"

#define RECORD_FILE_VERSION	4
#define RECORD_FILE_LIVE	2048
#define RECORD_FILE_RING_MAX	((uint64_t)1 << 40)

struct record_file_live {
	_Atomic uint64_t	acked;		/* what lies before is in storage */
	_Atomic uint64_t	committed;	/* what lies before is whole */
	_Atomic uint64_t	synced;		/* what lies before was synced */
	/* of the grant's quotas; for the settlement of a session that cannot speak for itself */
	_Atomic uint64_t	used_queries, used_bytes;
	_Atomic uint64_t	counts;		/* those are kept: there is a quota */
};

struct record_file {
	int			 fd;
	size_t			 page, ring;	/* bytes */
	unsigned char		*map;
	struct record_file_live	*live;
	unsigned char		*data;		/* the ring, and once more */
};

struct record_file_head {
	uint64_t		ring;
	struct record_owner	owner;
	int64_t			opened_us;
	bool			durable;
};

struct record_journal {
	struct record_file	 file;
	struct record_file_head	 head;
	char			*path;
	size_t			 max;
	size_t			 tail;		/* where in the ring the next frame goes */
	uint64_t		 start, end, synced;
	uint64_t		 disk_start;	/* durable: the start that the disk has, or an earlier one */
	struct shipment		*shipment;	/* NULL: this process ships it */
	bool			 view;		/* another process's: nothing in the file is ours to change */
};

/* Makes, locks, allocates and maps it. 0, or -1 and err with nothing left behind. */
int	record_file_make(struct record_file *f, const char *path, const struct record_file_head *head,
	    struct error *err);
/* Maps f->fd, whose page and ring are filled in; prot as mmap has it. 0 or -1 and err. */
int	record_file_map(struct record_file *f, int prot, struct error *err);
void	record_file_close(struct record_file *f);

/* "<dir>/<connection>-<time of opening>.journal". Free with free. */
char	*record_file_path(const char *dir, uint64_t connection_id, int64_t opened_us);

/* 0; -1: not a head; -2: one of another version. `n` bytes are there. */
int	record_file_head(const void *p, size_t n, size_t *page, struct record_file_head *head);

#endif
