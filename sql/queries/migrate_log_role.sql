-- The group role of those who may add to the log: what log_dsn logs in as is a member of it. At each start, for
-- somebody else may have to create it.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dbbat_log') THEN
		BEGIN
			CREATE ROLE dbbat_log NOLOGIN;
		EXCEPTION
			WHEN insufficient_privilege OR duplicate_object OR unique_violation OR feature_not_supported THEN NULL;
		END;
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dbbat_log') THEN
		GRANT USAGE ON SCHEMA dbbat TO dbbat_log;
		GRANT EXECUTE ON FUNCTION dbbat.log_statements, dbbat.log_outcomes, dbbat.log_chunks, dbbat.log_batch_statements,
			dbbat.log_batch_outcomes, dbbat.log_batch_chunks, dbbat.log_end TO dbbat_log;
	END IF;
END $$
