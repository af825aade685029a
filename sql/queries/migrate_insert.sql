INSERT INTO dbbat.schema_migrations (version, name) VALUES ($1, $2)
