-- Captured results in chunks, several results of a statement, sealed.

ALTER TABLE dbbat.query_results
	ADD COLUMN chunk  integer NOT NULL DEFAULT 0,
	ADD COLUMN result integer NOT NULL DEFAULT 1,
	ADD COLUMN kind   smallint NOT NULL DEFAULT 1,
	ADD COLUMN flags  smallint NOT NULL DEFAULT 3,
	ADD COLUMN cut    smallint NOT NULL DEFAULT 0,
	ADD COLUMN body   bytea;

-- What is there was kept in one piece, which is laid out as a first chunk is.
UPDATE dbbat.query_results
SET cut = CASE WHEN truncated THEN 2 ELSE 0 END,
    body = int4send(octet_length(description)) || description || int4send(octet_length(data)) || data;

ALTER TABLE dbbat.query_results
	DROP CONSTRAINT query_results_pkey,
	DROP COLUMN description,
	DROP COLUMN data,
	DROP COLUMN truncated,
	ALTER COLUMN chunk DROP DEFAULT,
	ALTER COLUMN result DROP DEFAULT,
	ALTER COLUMN kind DROP DEFAULT,
	ALTER COLUMN flags DROP DEFAULT,
	ALTER COLUMN cut DROP DEFAULT,
	ALTER COLUMN body SET NOT NULL,
	ADD PRIMARY KEY (connection_id, seq, executed_at, chunk);
-- what is sealed does not compress
ALTER TABLE dbbat.query_results ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE dbbat.query_results IS 'Captured results as the target sent them, in chunks of about 64 kB';
COMMENT ON COLUMN dbbat.query_results.chunk IS 'From 0 on within the statement';
COMMENT ON COLUMN dbbat.query_results.result IS 'From 1 on within the statement';
COMMENT ON COLUMN dbbat.query_results.kind IS '1 DataRow messages, 2 data of COPY TO STDOUT, 3 data of COPY FROM STDIN';
COMMENT ON COLUMN dbbat.query_results.flags IS '1 first of its result, 2 last, 4 begins inside a row, 8 COPY in binary, 16 sealed';
COMMENT ON COLUMN dbbat.query_results.cut IS
	'In the last chunk, why there is no more: 0 there was none, 1 rows, 2 bytes, 3 results, 4 no room in the journal, 5 ended inside a row, 6 refused by storage';
COMMENT ON COLUMN dbbat.query_results.row_count IS 'Messages that begin in the chunk';

DROP FUNCTION dbbat.log_results;

-- Chunks of captured results. A time that is not known is that of the statement. What can be said of the role that may
-- call it is said in front of log_statements.
CREATE FUNCTION dbbat.log_chunks(connection bigint, seqs bigint[], times timestamptz[], chunks bigint[], results bigint[],
	kinds bigint[], marks bigint[], cuts bigint[], row_counts bigint[], bodies bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO dbbat.query_results (connection_id, seq, executed_at, chunk, result, kind, flags, cut, row_count, body)
	SELECT connection, r.seq,
	       coalesce(r.at, (SELECT q.executed_at FROM dbbat.queries q
	                       WHERE q.connection_id = connection AND q.seq = r.seq LIMIT 1), '-infinity'),
	       r.chunk, r.result, r.kind, r.mark, r.cut, r.row_count, r.body
	FROM unnest(seqs, times, chunks, results, kinds, marks, cuts, row_counts, bodies)
	     AS r (seq, at, chunk, result, kind, mark, cut, row_count, body)
	ON CONFLICT (connection_id, seq, executed_at, chunk) DO NOTHING;
END $$;
REVOKE ALL ON FUNCTION dbbat.log_chunks FROM PUBLIC;
