-- Outcomes find their statements one by one, by the primary key, whatever the planner believes: given a batch at once it
-- may begin at the other end, and go through all statements of a session for it.
CREATE OR REPLACE FUNCTION dbbat.log_outcomes(connection bigint, first timestamptz, last timestamptz, seqs bigint[],
	durations bigint[], row_counts bigint[], sizes bigint[], states text[], sqlstates text[], messages text[],
	tags text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o record;
BEGIN
	FOR o IN SELECT * FROM unnest(seqs, durations, row_counts, sizes, states, sqlstates, messages, tags)
	         AS o (seq, duration_us, rows_affected, bytes, status, sqlstate, message, command_tag) LOOP
		UPDATE dbbat.queries AS q
		SET duration_us = o.duration_us,
		    rows_affected = o.rows_affected,
		    bytes = o.bytes,
		    status = o.status,
		    sqlstate = o.sqlstate,
		    message = o.message,
		    command_tag = o.command_tag
		WHERE q.connection_id = connection AND q.seq = o.seq AND q.executed_at BETWEEN first AND last
		AND q.status = 'running';
	END LOOP;
END $$;
