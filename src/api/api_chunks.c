/*
 * Reads chunks. A chunk that is missing, that is not what was sealed for its place, or that is not sealed between
 * others that are, ends the result with an error.
 */
#include "api/api_chunks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "crypto/crypto_gcm.h"
#include "crypto/crypto_labels.h"
#include "store/store.h"
#include "store_sql.h"

#define CHUNKS_BATCH	8	/* of 64 kB, and twice that as text */

/* The words of truncated_reason. */
static const char *const	cuts[RECORD_CUTS] = {
	[RECORD_CUT_ROWS] = "rows",
	[RECORD_CUT_BYTES] = "bytes",
	[RECORD_CUT_RESULTS] = "results",
	[RECORD_CUT_ROOM] = "room",
	[RECORD_CUT_BROKEN] = "broken",
	[RECORD_CUT_REFUSED] = "refused",
};

struct api_chunks {
	struct api		*api;
	struct api_kept		 kept;
	uint32_t		 next;
	bool			 plain;		/* one that is not sealed has come */
	struct crypto_gcm	*gcm;
	unsigned char		 salt[CRYPTO_SALT_SIZE];
	PGresult		*batch;
	int			 at;
	struct buf		 body;
};

/* --- which there are ---------------------------------------------------------------- */

static void
kept_read(struct api_kept *k, const PGresult *res, int row)
{
	const char	*status = PQgetvalue(res, row, 3);
	int		 cut = atoi(PQgetvalue(res, row, 13));

	snprintf(k->connection_id, sizeof(k->connection_id), "%s", PQgetvalue(res, row, 0));
	snprintf(k->seq, sizeof(k->seq), "%s", PQgetvalue(res, row, 1));
	snprintf(k->executed_at, sizeof(k->executed_at), "%s", PQgetvalue(res, row, 2));
	k->result = (uint32_t)atol(PQgetvalue(res, row, 4));
	k->kind = (uint8_t)atoi(PQgetvalue(res, row, 5));
	k->first = (uint32_t)atol(PQgetvalue(res, row, 6));
	k->last = (uint32_t)atol(PQgetvalue(res, row, 7));
	k->rows = strtoull(PQgetvalue(res, row, 8), NULL, 10);
	k->bytes = strtoull(PQgetvalue(res, row, 9), NULL, 10);
	k->binary = PQgetvalue(res, row, 11)[0] == 't';
	k->sealed = PQgetvalue(res, row, 12)[0] == 't';
	if (PQgetvalue(res, row, 10)[0] != 't')
		k->cut = strcmp(status, "running") == 0 ? "running" : "incomplete";
	else
		k->cut = cut > 0 && cut < RECORD_CUTS ? cuts[cut] : NULL;
}

int
kept_find(struct api_request *r, int64_t only, struct api_kept **out)
{
	char		 id[24], result[24];
	const char	*params[2] = { id, only != 0 ? result : NULL };
	PGresult	*res;
	int		 n;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	snprintf(result, sizeof(result), "%" PRId64, only);
	res = api_exec(r, SQL_RESULT_LIST, 2, params);
	if (res == NULL)
		return -1;
	n = PQntuples(res);
	*out = xcalloc(n > 0 ? (size_t)n : 1, sizeof(**out));
	for (int i = 0; i < n; i++)
		kept_read(&(*out)[i], res, i);
	PQclear(res);
	return n;
}

/* Rows, or NULL and err: storage does not answer. */
static PGresult *
chunks_query(struct api *api, const char *sql, int n, const char *const *params, struct error *err)
{
	PGresult	*res;

	if (store_ready(api->store, err) != 0)
		return NULL;
	res = store_exec(api->store, sql, n, params);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return res;
	store_error(store_conn(api->store), res, err);
	PQclear(res);
	return NULL;
}

int
kept_seek(struct api *api, const struct api_kept *kept, int64_t row, uint32_t *chunk, int64_t *first, struct error *err)
{
	char		 result[24], wanted[24];
	const char	*params[5] = { kept->connection_id, kept->seq, kept->executed_at, result, wanted };
	PGresult	*res;
	int		 found;

	snprintf(result, sizeof(result), "%" PRIu32, kept->result);
	snprintf(wanted, sizeof(wanted), "%" PRId64, row);
	res = chunks_query(api, SQL_RESULT_SEEK, 5, params, err);
	if (res == NULL)
		return CHUNKS_AWAY;
	found = PQntuples(res) > 0;
	if (found) {
		*chunk = (uint32_t)atol(PQgetvalue(res, 0, 0));
		*first = atoll(PQgetvalue(res, 0, 1));
	}
	PQclear(res);
	return found;
}

/* --- their bytes ------------------------------------------------------------------------ */

struct api_chunks *
chunks_open(struct api *api, const struct api_kept *kept, uint32_t from)
{
	struct api_chunks	*c = xcalloc(1, sizeof(*c));

	c->api = api;
	c->kept = *kept;
	c->next = from;
	return c;
}

void
chunks_close(struct api_chunks *c)
{
	if (c == NULL)
		return;
	crypto_gcm_free(c->gcm);
	PQclear(c->batch);
	buf_wipe(&c->body);
	free(c);
}

static int
chunks_fetch(struct api_chunks *c, struct error *err)
{
	uint32_t	 until = c->kept.last - c->next < CHUNKS_BATCH ? c->kept.last : c->next + CHUNKS_BATCH - 1;
	char		 from[24], to[24];
	const char	*params[5] = { c->kept.connection_id, c->kept.seq, c->kept.executed_at, from, to };

	PQclear(c->batch);
	c->at = 0;
	snprintf(from, sizeof(from), "%" PRIu32, c->next);
	snprintf(to, sizeof(to), "%" PRIu32, until);
	c->batch = chunks_query(c->api, SQL_RESULT_CHUNKS, 5, params, err);
	return c->batch != NULL ? 0 : CHUNKS_AWAY;
}

/* The key for the salt in the chunk: asked for once, as all of a connection have the same. */
static int
chunks_key(struct api_chunks *c, const struct record_chunk *chunk, struct error *err)
{
	unsigned char	key[CRYPTO_KEY_SIZE];
	struct slice	salt = record_chunk_salt(chunk);

	if (salt.n != CRYPTO_SALT_SIZE) {
		error_set(err, "chunk %" PRIu32 " is not one that was sealed", chunk->chunk);
		return CHUNKS_DAMAGED;
	}
	if (c->gcm != NULL && memcmp(c->salt, salt.p, CRYPTO_SALT_SIZE) == 0)
		return 0;
	if (api_capture_key(c->api, strtoull(c->kept.connection_id, NULL, 10), salt, key) != 0) {
		error_set(err, "the keeper does not answer");
		return CHUNKS_AWAY;
	}
	crypto_gcm_free(c->gcm);
	c->gcm = crypto_gcm_new(key);
	explicit_bzero(key, sizeof(key));
	memcpy(c->salt, salt.p, CRYPTO_SALT_SIZE);
	return 0;
}

/* Opens the chunk into c->body. 1, or the error. */
static int
chunks_take(struct api_chunks *c, struct record_chunk *chunk, struct error *err)
{
	bool	sealed = chunk->flags & RECORD_CHUNK_SEALED;
	int	rc;

	if (chunk->chunk != c->next || chunk->result != c->kept.result) {
		error_set(err, "chunk %" PRIu32 " is missing", c->next);
		return CHUNKS_DAMAGED;
	}
	if (sealed && (rc = chunks_key(c, chunk, err)) != 0)
		return rc;
	buf_reset(&c->body);
	/* a result is sealed or not; but what storage refused has come without its contents, and without a seal */
	c->plain |= !sealed && chunk->body.n > 0;
	if ((c->gcm != NULL && c->plain) ||
	    !record_chunk_open(c->gcm, strtoull(c->kept.connection_id, NULL, 10), chunk, &c->body)) {
		error_set(err, "chunk %" PRIu32 " is not what was sealed for its place", chunk->chunk);
		return CHUNKS_DAMAGED;
	}
	c->next++;
	return 1;
}

int
chunks_next(struct api_chunks *c, struct slice *body, struct error *err)
{
	struct record_chunk	 chunk;
	unsigned char		*bytes;
	int			 rc;

	if (c->next > c->kept.last)
		return 0;
	if ((c->batch == NULL || c->at == PQntuples(c->batch)) && (rc = chunks_fetch(c, err)) != 0)
		return rc;
	if (c->at == PQntuples(c->batch)) {
		error_set(err, "chunk %" PRIu32 " is missing", c->next);
		return CHUNKS_DAMAGED;
	}
	chunk = (struct record_chunk){
		.seq = strtoull(c->kept.seq, NULL, 10),
		.chunk = (uint32_t)atol(PQgetvalue(c->batch, c->at, 0)),
		.result = (uint32_t)atol(PQgetvalue(c->batch, c->at, 1)),
		.kind = (uint8_t)atoi(PQgetvalue(c->batch, c->at, 2)),
		.flags = (uint8_t)atoi(PQgetvalue(c->batch, c->at, 3)),
		.cut = (uint8_t)atoi(PQgetvalue(c->batch, c->at, 4)),
		.rows = strtoull(PQgetvalue(c->batch, c->at, 5), NULL, 10),
	};
	bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(c->batch, c->at, 6), &chunk.body.n);
	if (bytes == NULL)
		log_fatal(71, "out of memory");
	chunk.body.p = bytes;
	c->at++;
	rc = chunks_take(c, &chunk, err);
	PQfreemem(bytes);
	*body = (struct slice){ c->body.data, c->body.len };
	return rc;
}
