/*
 * Where the time of a login goes, from accept to ReadyForQuery: told once, at log_level debug, in microseconds. There
 * is one login in a process, so there is one clock. Of its own work the CPU time counts, which does not depend on who
 * else wants a processor; of its waits the time that passes.
 */
#ifndef SESSION_SESSION_STAGE_H
#define SESSION_SESSION_STAGE_H

enum stage {
	STAGE_STARTUP,	/* work: TLS, the startup packet */
	STAGE_LOGIN,	/* SCRAM with the client */
	STAGE_RECORD,	/* the journal */
	STAGE_CONNECT,	/* libpq with the target; its SCRAM is most of it */
	STAGE_CLIENT,	/* waits: for the client, which makes its proof */
	STAGE_KEEPER,	/* for the keeper and the storage behind it */
	STAGE_TARGET,	/* for the target, which starts a backend */
	STAGES
};

/* The time until now was that of the stage before, which is returned. */
enum stage	stage_enter(enum stage stage);
/* The login is done. */
void		stage_tell(void);

#endif
