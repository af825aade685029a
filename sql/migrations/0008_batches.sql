-- Batches of records of several sessions: one shipper of a node takes the records of all its sessions to storage. What
-- 0003, 0004 and 0006 made for sessions that ship alone stays for those that began before an upgrade and go on.

-- Statements that started, with their outcome where it is known. As a rule none of them is there yet, and to insert them so
-- costs a third less than to be ready for each to be there. In the list of columns unnest makes no table of its own.
CREATE FUNCTION dbbat.log_batch_statements(connections bigint[], usrs bigint[], dbs bigint[], grnts bigint[], seqs bigint[],
	texts text[], cuts boolean[], params jsonb[], times timestamptz[], durations bigint[], row_counts bigint[],
	sizes bigint[], states text[], sqlstates text[], messages text[], tags text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO dbbat.queries
	       (connection_id, user_id, database_id, grant_id, seq, sql_text, text_cut, parameters,
	        executed_at, duration_us, rows_affected, bytes, status, sqlstate, message, command_tag)
	SELECT unnest(connections), unnest(usrs), unnest(dbs), unnest(grnts), unnest(seqs), unnest(texts), unnest(cuts),
	       unnest(params), unnest(times), unnest(durations), unnest(row_counts), unnest(sizes), unnest(states),
	       unnest(sqlstates), unnest(messages), unnest(tags);
EXCEPTION WHEN unique_violation THEN
	-- some are: the batch is sent again
	INSERT INTO dbbat.queries AS q
	       (connection_id, user_id, database_id, grant_id, seq, sql_text, text_cut, parameters,
	        executed_at, duration_us, rows_affected, bytes, status, sqlstate, message, command_tag)
	SELECT *
	FROM unnest(connections, usrs, dbs, grnts, seqs, texts, cuts, params, times, durations, row_counts, sizes, states,
	            sqlstates, messages, tags)
	ON CONFLICT (connection_id, seq, executed_at) DO UPDATE
	SET duration_us = excluded.duration_us,
	    rows_affected = excluded.rows_affected,
	    bytes = excluded.bytes,
	    status = excluded.status,
	    sqlstate = excluded.sqlstate,
	    message = excluded.message,
	    command_tag = excluded.command_tag
	WHERE q.status = 'running' AND excluded.status <> 'running';
END $$;

-- Outcomes of statements that were stored as running in an earlier batch, and started between these two times. They find
-- them one by one, by the primary key, whatever the planner believes.
CREATE FUNCTION dbbat.log_batch_outcomes(first timestamptz, last timestamptz, connections bigint[], seqs bigint[],
	durations bigint[], row_counts bigint[], sizes bigint[], states text[], sqlstates text[], messages text[],
	tags text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o record;
BEGIN
	FOR o IN SELECT * FROM unnest(connections, seqs, durations, row_counts, sizes, states, sqlstates, messages, tags)
	         AS o (connection_id, seq, duration_us, rows_affected, bytes, status, sqlstate, message, command_tag) LOOP
		UPDATE dbbat.queries AS q
		SET duration_us = o.duration_us,
		    rows_affected = o.rows_affected,
		    bytes = o.bytes,
		    status = o.status,
		    sqlstate = o.sqlstate,
		    message = o.message,
		    command_tag = o.command_tag
		WHERE q.connection_id = o.connection_id AND q.seq = o.seq AND q.executed_at BETWEEN first AND last
		AND q.status = 'running';
	END LOOP;
END $$;

-- Chunks of captured results. A time that is not known is that of the statement.
CREATE FUNCTION dbbat.log_batch_chunks(connections bigint[], seqs bigint[], times timestamptz[], chunks bigint[],
	results bigint[], kinds bigint[], marks bigint[], cuts bigint[], row_counts bigint[], bodies bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO dbbat.query_results (connection_id, seq, executed_at, chunk, result, kind, flags, cut, row_count, body)
	SELECT r.connection_id, r.seq,
	       coalesce(r.at, (SELECT q.executed_at FROM dbbat.queries q
	                       WHERE q.connection_id = r.connection_id AND q.seq = r.seq LIMIT 1), '-infinity'),
	       r.chunk, r.result, r.kind, r.mark, r.cut, r.row_count, r.body
	FROM unnest(connections, seqs, times, chunks, results, kinds, marks, cuts, row_counts, bodies)
	     AS r (connection_id, seq, at, chunk, result, kind, mark, cut, row_count, body)
	ON CONFLICT (connection_id, seq, executed_at, chunk) DO NOTHING;
END $$;

REVOKE ALL ON FUNCTION dbbat.log_batch_statements, dbbat.log_batch_outcomes, dbbat.log_batch_chunks FROM PUBLIC;
