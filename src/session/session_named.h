/*
 * Prepared statements and portals, as the target will know them once it has
 * worked through what was sent. A Parse, Bind or Close changes the picture when it
 * is forwarded; when the target refuses or skips it, the change is undone
 * (in reverse order), so that the picture stays the target's own. As long as the target skips all that comes, the picture
 * is the client's: what is skipped is recorded as what it would have been.
 * As in the target, only the first NAMED_NAME_MAX bytes of a name count.
 */
#ifndef SESSION_NAMED_H
#define SESSION_NAMED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_map.h"
#include "policy/policy.h"

#define NAMED_NAME_MAX	63	/* NAMEDATALEN less one */

/* A prepared statement or a portal; counted references. */
struct named {
	int		 refs;
	size_t		 weight;	/* bytes it counts in named_weight */
	char		 kind;		/* 'S' or 'P' */
	char		 name[NAMED_NAME_MAX + 1];
	uint64_t	 segment;	/* Syncs that were sent before it */
	uint64_t	 at;		/* the change that made it, as the session counts them */
	struct buf	 text;		/* as far as it is kept; of a portal where its statement's is not all there is to say */
	/* statement */
	bool		 text_cut;
	bool		 refused;	/* by policy: it never reaches the target */
	bool		 copies;	/* may be COPY FROM STDIN */
	signed char	 names;		/* 1: may give a name to something, -1: not, 0: not looked for; see named_in_sql */
	struct policy_effect effect;	/* of the text, under read */
	unsigned	 ntypes;
	uint32_t	*types;		/* of the parameters, 0 where not known */
	/* portal */
	struct named	*statement;	/* NULL: prepared in SQL */
	struct buf	 bind;		/* the Bind message's body, as far as it is kept */
	bool		 bind_cut;
	bool		 formats_known;
	struct buf	 formats;	/* of its result, as in Bind: two bytes each; for result capture */
	bool		 recorded;	/* its Bind made a record, which the first Execute takes over, */
	bool		 bound;		/* and was answered */
	/* both */
	bool		 told;		/* a record says why it does not run, or was skipped */
	bool		 doubtful;	/* SQL may have given its name to something else since */
	/* RowDescription body from a Describe, for result capture */
	struct buf	 description;
};

struct named	*named_new(char kind, const char *name);
/* To be called when what it holds has grown. */
void		 named_weigh(struct named *n);
/* Bytes that all of them hold together. */
size_t		 named_weight(void);
struct named	*named_ref(struct named *n);
void		 named_unref(struct named *n);	/* NULL is fine */

/* A change of the picture that may yet be undone. */
struct named_change {
	struct map	*map;		/* NULL: no change */
	struct named	*now;		/* reference; NULL: removed */
	struct named	*before;	/* reference; NULL: there was none */
};

/* Changes that hold until the target skips no more. All zero: none. */
struct named_skipped {
	struct named_change	*changes;
	size_t			 count, size;
};

/* Puts n (whose reference it takes) in place, or removes `name` when n is NULL. */
struct named_change	named_set(struct map *map, const char *name, struct named *n);
void	named_confirm(struct named_change *c);
void	named_undo(struct named_change *c);
/* The same when a later change of that name stands, whose `before` this one was. */
void	named_undo_below(struct named_change *c, struct named_change *later);
/* Adds one, which is c's no more. */
void	named_skip(struct named_skipped *s, struct named_change *c);
/* Undoes them all and frees what it holds. */
void	named_skip_end(struct named_skipped *s);
/* Whether it changes this name. */
bool	named_changes(const struct named_change *c, const char *name);
struct named	*named_get(const struct map *map, const char *name);	/* borrowed; NULL */
/*
 * Whether a text may give a name to a cursor or a statement: DECLARE, PREPARE. Wrong on the safe side, but for what runs SQL
 * that is not in the text: a function of the database, a DO that puts its SQL together.
 */
bool	named_in_sql(struct slice text, bool cut);
/* Such a text is about to run: what its words may be the names of is doubtful; with an escape in it, or where it is cut, all is. */
void	named_doubt(struct map *map, struct slice text, bool cut);
/* What a portal runs; terminated. */
struct slice	 named_text(struct named *portal);
void	named_clear(struct map *map);		/* the values */
void	named_free_all(struct map *map);	/* the values and the map */

#endif
