CREATE SCHEMA IF NOT EXISTS dbbat;
CREATE TABLE IF NOT EXISTS dbbat.schema_migrations (
	version    integer PRIMARY KEY,
	name       text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
)
