-- What targets were found to be like, and who holds how much of a quota.

-- Whether what a session was let in with, or a check was made of, is still so.
CREATE FUNCTION dbbat.database_mark(d dbbat.databases) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT encode(sha256(convert_to(concat_ws('/', d.name, d.host, d.port, d.database_name, d.username,
	    d.password, d.ssl_mode, d.ssl_root_cert, d.ssl_cert, d.ssl_key, d.read_username,
	    d.read_password), 'UTF8')), 'hex')
$$;

CREATE TABLE dbbat.database_checks (
	database_id bigint PRIMARY KEY REFERENCES dbbat.databases (id) ON DELETE CASCADE,
	mark        text NOT NULL,
	checked_at  timestamptz NOT NULL DEFAULT now(),
	reachable   boolean NOT NULL,
	clean       boolean NOT NULL,
	report      json NOT NULL
);
COMMENT ON TABLE dbbat.database_checks IS 'The last check of each target; counts while mark is that of the database';
COMMENT ON COLUMN dbbat.database_checks.clean IS 'The role that read grants use cannot write, by any way the check knows';

-- A row from login to the settlement, which takes it away: whoever settles first does, and nobody after.
CREATE TABLE dbbat.leases (
	connection_id bigint PRIMARY KEY,
	grant_id      bigint NOT NULL REFERENCES dbbat.grants (id) ON DELETE CASCADE,
	queries       bigint NOT NULL DEFAULT 0,
	bytes         bigint NOT NULL DEFAULT 0,
	queries_used  bigint NOT NULL DEFAULT 0,
	bytes_used    bigint NOT NULL DEFAULT 0
);
CREATE INDEX leases_grant ON dbbat.leases (grant_id);
COMMENT ON TABLE dbbat.leases IS 'What each session was given of its grant''s quotas, all of it counted in grant_usage';
COMMENT ON COLUMN dbbat.leases.queries_used IS 'As the session last said, for the API; its journal decides';

INSERT INTO dbbat.leases (connection_id, grant_id)
SELECT c.id, c.grant_id FROM dbbat.connections c JOIN dbbat.grants g ON g.id = c.grant_id
WHERE c.ended_at IS NULL AND (g.max_queries IS NOT NULL OR g.max_bytes IS NOT NULL);
