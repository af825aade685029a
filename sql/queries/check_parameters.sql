-- On a target of PostgreSQL 15 or newer: settings that were granted. See check_roles.sql.
SELECT 'parameter' AS kind, p.parname AS name, NULL::text AS remedy
FROM pg_parameter_acl p
WHERE EXISTS (SELECT FROM aclexplode(p.paracl) a WHERE a.grantee = 0 OR pg_has_role(current_user, a.grantee, 'MEMBER'))
ORDER BY 1, 2
