/*
 * Everything one session knows, and the steps of its life in order:
 * startup, login, target, relay, end. Included by session/ only.
 */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_map.h"
#include "conf/conf_runtime.h"
#include "crypto/crypto_labels.h"
#include "ipc/ipc.h"
#include "net/net_addr.h"
#include "net/net_stream.h"
#include "policy/policy.h"
#include "record/record.h"
#include "session/session_lane.h"
#include "session/session_limit.h"
#include "session/session_pin_state.h"
#include "session/session_pending.h"
#include "target/target.h"
#include "wire/wire_startup.h"

struct pg_conn;
struct pg_cancel;

/*
 * The most of a message that is held in one piece for inspection. What is longer is
 * inspected as far as this and streamed (or, under a read grant, refused).
 */
#define SESSION_INSPECT_MAX	(POLICY_TEXT_MAX + 65536)
/* What prepared statements and portals may hold together; more of them are refused. */
#define SESSION_NAMED_MAX	(64 * 1024 * 1024)
/* Owed replies beyond which the client must wait. */
#define SESSION_PENDING_MAX	131072

/* What the keeper granted; strings are the session's own. */
struct session_grant {
	uint64_t		 connection_id, user_id, database_id, grant_id;
	int64_t			 started_us;	/* of the connection, by the clock of the storage */
	enum policy_access	 access;
	int64_t			 expires_us;	/* monotonic */
	bool			 capture;
	bool			 pin;		/* under read: transactions are pinned */
	unsigned char		 cancel_secret[4];	/* of the key we give our client */
	bool			 capture_sealed;
	unsigned char		 capture_key[CRYPTO_KEY_SIZE];	/* wiped once the record has it */
	unsigned char		 capture_salt[CRYPTO_SALT_SIZE];
	struct buf		 ticket;	/* for the next keeper; means nothing to us */
	char			*log_dsn;
	/* of the target; wiped once libpq has them (it keeps the password as long as the connection) */
	char			*host, *dbname, *username, *password, *ssl_mode;
	char			*ssl_root_cert, *ssl_cert, *ssl_key;	/* PEM; "" */
	uint32_t		 port;
};

/* Why and how the session is ending. */
struct session_end {
	bool		 decided;
	char		 reason[256];	/* for the record */
	bool		 tell;		/* the client is owed this FATAL */
	char		 sqlstate[6];
	char		 message[256];
	char		 hint[256];
};

enum session_hold {
	HOLD_NONE,
	HOLD_LEASE,		/* the message at walk needs a lease that was asked for */
	HOLD_CANCEL,		/* a cancel is on its way: it must not hit a later statement */
	HOLD_PENDING,		/* too many replies are owed */
	HOLD_COPY,		/* how a statement that may be COPY FROM STDIN goes decides what the next one is */
	HOLD_TURN,		/* pinned: how the statements before it end decides what goes around it */
	HOLD_NAME		/* what a name stands for, or what is kept, is not known before a reply */
};

struct session {
	struct runtime		*rt;
	const struct conf	*conf;

	/* client */
	int			 fd;
	struct net_peer		 peer;
	struct ssl_st		*tls;
	struct stream		 client;
	struct buf		 in, out;	/* until the relay begins */
	char			*startup_bytes;	/* the packet that startup points into */
	struct wire_startup	 startup;
	const char		*user, *database, *application;

	/* keeper */
	int			 keeper_fd;	/* -1: no keeper can be reached */
	int64_t			 keeper_until;	/* monotonic us: not registered, ends then; 0: registered */
	int64_t			 keeper_retry;	/* when to try again */
	uint32_t		 backend_pid;	/* of the target; 0: not connected */
	struct buf		 packet;

	struct session_grant	 grant;
	struct policy		 policy;	/* what its statements are judged by */
	struct record		*record;

	/* target */
	struct pg_conn		*target;
	struct target_params	 target_params;	/* until it is connected */
	struct pg_cancel	*cancel;
	int			 cancel_fd;	/* end of file when the cancel under way is done; -1: none */
	struct stream		 server;

	/* relay */
	int64_t			 now_us;	/* monotonic; of this turn: what came is as old as that */
	struct lane		 up, down;	/* client to target, target to client */
	enum session_hold	 hold;
	bool			 down_held;	/* the message of the target needs a lease */
	struct pending_queue	 pending;
	struct map		*statements, *portals;
	bool			 skipping;	/* the target ignores everything up to a Sync not sent yet */
	struct named_skipped	 skipped;	/* what would have changed in these since */
	bool			 skip_unknown;	/* ... or has taken one that was sent in COPY data */
	uint64_t		 segment;	/* Syncs that were sent */
	uint64_t		 changes;	/* of the picture that were counted, for .at of what they make */
	uint64_t		 lost;		/* what names stood for up to this change is not known ... */
	uint64_t		 lost_segment;	/* ... in this segment: a message that may have changed one was not read or kept */
	uint64_t		 replies;	/* messages of the target that were walked over */
	size_t			 copies;	/* entries of pending that may be COPY FROM STDIN */
	bool			 copy_flushed;	/* the target was told to answer the last of them */
	bool			 copy_in;	/* the head of pending takes COPY data */
	bool			 copy_ended;	/* ... and the client has sent its end */
	bool			 terminated;	/* the client said goodbye */
	bool			 half_closed;	/* the target was told that nothing more comes */
	int64_t			 drain_until;	/* monotonic us: the client is gone, outcomes may still come */
	bool			 target_fatal;	/* the target said its last word */
	struct run		*keeping_down, *keeping_up;	/* whose message is passing and captured, in each lane */
	struct buf		 capture_spare;	/* for the next statement's chunks */
	struct limit		 limit;
	uint64_t		 queries_told, bytes_told;	/* what the keeper knows to be used */
	int64_t			 used_told;	/* since when; monotonic us */
	uint64_t		 seq;		/* of the last statement */
	uint64_t		 total_statements, total_bytes;
	struct pin		 pin;
	struct run		*held, *held_last;	/* have ended in a transaction that is not checked yet */
	struct run		*bound, *bound_last;	/* their Bind was answered, and no Execute has come yet */
	struct judge		*judge;		/* under read: statements seen before; made when first needed */
	struct session_end	 end;
	char			 fault_text[64];
	const char		*fault;		/* the client broke the protocol: ends when all replies are in */
};

/* Set by signals. */
extern volatile sig_atomic_t	session_draining;	/* finish in time */
extern volatile sig_atomic_t	session_stopping;	/* finish now */
extern volatile sig_atomic_t	session_rang;		/* the keeper has spoken, or is gone */

/* --- session_io.c: the client before the relay ------------------------------------ */

/* Makes the buffers, before there is a client. */
void	session_io_rehearse(struct session *s);
/* From here on waits end when the place of this session on the scoreboard is taken; NULL: no more. */
void	session_place(const struct runtime *rt);
/* Waits for events on fd until the deadline (monotonic us). revents; 0: deadline, a stop signal, or the place is taken. */
short	session_wait(int fd, short events, int64_t deadline);
/* Receives at least one more byte into s->in. 1; 0: end of stream; -1: failed or too late. */
int	session_receive(struct session *s, int64_t deadline);
/* Sends all of s->out. 0 or -1. */
int	session_flush(struct session *s, int64_t deadline);
/* Sends a FATAL error; failing to is nobody's business any more. */
void	session_fatal(struct session *s, const char *sqlstate, const char *message, const char *hint);

/* --- the steps; each returns 0, or -1 when the session is over ---------------------- */

/* Up to the startup packet. A CancelRequest is served here, and is the end. */
int	session_startup(struct session *s, bool no_room, int64_t deadline);
/* Up to AuthenticationOk, with s->grant filled. */
int	session_login(struct session *s, int64_t deadline);
/* While there is no client: libpq's first steps to nowhere, so that its pages are there when there is one. */
void	session_target_rehearse(void);
/* Begins to connect to the target, which is sent nothing yet. -1: a startup parameter is refused, and the client told. */
int	session_target_start(struct session *s);
/* Connects to it, and tells the client that it may begin. */
int	session_target(struct session *s);
/* Blocks until the target has taken a cancel; for a process of its own. */
void	session_target_cancel(struct session *s);
void	session_target_close(struct session *s);
void	session_relay(struct session *s);
void	session_relay_warm(void);	/* before the fork */

/* --- between the files of the relay ------------------------------------------------- */

/* Decides that the session ends; the first decision counts. */
void	session_end(struct session *s, const char *reason);
void	session_end_fatal(struct session *s, const char *reason, const char *sqlstate,
	    const char *message, const char *hint);

/* What the clock and the signals demand. Returns the next time to look. */
int64_t	session_clock(struct session *s, int64_t now);

/* session_client.c, session_server.c: walk what has come. They stop where more bytes, a lease or
 * room is needed. Return the number of bytes the message at walk needs in one piece. */
size_t	session_client_walk(struct session *s);
size_t	session_server_walk(struct session *s);

/* session_keeper.c: what the keeper sends during the relay; asks for leases. */
void	session_started(struct session *s, uint32_t backend_pid);
void	session_keeper_read(struct session *s);
int64_t	session_keeper_clock(struct session *s, int64_t now);	/* the next time to look */
void	session_lease(struct session *s, uint64_t queries, uint64_t bytes);
/* Takes from a quota what is leased, as limit_take; and back. */
enum limit_answer	session_take(struct session *s, struct limit_quota *q, uint64_t n);
void	session_give_back(struct session *s, uint64_t queries);
/* Why there is no more of it. */
void	session_exhausted(const struct limit_quota *q, const char *what, const char *option, char *message, size_t size);
#define SESSION_QUOTA_HINT	"It does not renew: ask an administrator for a new grant."
/* Takes bytes from the quota. LIMIT_WAIT: a lease was asked for. Not LIMIT_OK nor LIMIT_WAIT: the session ends. */
enum limit_answer	session_charge_bytes(struct session *s, uint64_t n);
/* Says that it ends. True: what it had leased is settled; else its journal must stay for that. */
bool	session_bye(struct session *s);
int	session_keeper_connect(struct session *s);

/* session_cancel.c */
void	session_cancel_send(struct session *s);		/* PQcancel in a process of its own */
void	session_cancel_done(struct session *s);

#endif
