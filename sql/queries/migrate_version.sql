SELECT coalesce(max(version), 0) FROM dbbat.schema_migrations
