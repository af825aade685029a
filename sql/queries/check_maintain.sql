-- On a target of PostgreSQL 17 or newer: tables that it may maintain. See check_roles.sql.
SELECT 'maintain' AS kind, c.oid::regclass::text AS name, NULL::text AS remedy
FROM pg_class c
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
AND EXISTS (SELECT FROM pg_roles r WHERE pg_has_role(current_user, r.oid, 'MEMBER') AND has_table_privilege(r.oid, c.oid, 'MAINTAIN'))
ORDER BY 1, 2
