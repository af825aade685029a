INSERT INTO dbbat.query_results (connection_id, seq, description, data, row_count, truncated)
SELECT $1::bigint, r.*
  FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::boolean[]) AS r
ON CONFLICT (connection_id, seq) DO NOTHING
