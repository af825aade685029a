SELECT to_regclass('dbbat.schema_migrations') IS NOT NULL
