-- By log_dsn: what is wrong with the role it logs in as; empty: nothing. The names are looked up, as it may not even see
-- the schema.
SELECT concat_ws('; ',
       CASE WHEN NOT coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')), false)
            THEN 'may not add to the log (is it a member of dbbat_log?)' END) AS missing,
       concat_ws('; ',
       CASE WHEN bool_or(has_table_privilege(u.oid, 'SELECT')) THEN 'may read users' END,
       CASE WHEN bool_or(has_table_privilege(q.oid, 'DELETE')) THEN 'may delete from the log' END) AS excess
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_class u ON u.relnamespace = n.oid AND u.relname = 'users'
JOIN pg_catalog.pg_class q ON q.relnamespace = n.oid AND q.relname = 'queries'
JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid
     AND p.proname IN ('log_batch_statements', 'log_batch_outcomes', 'log_batch_chunks', 'log_end')
WHERE n.nspname = 'dbbat'
