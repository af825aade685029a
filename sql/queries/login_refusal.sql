-- Why login_grant found nothing: one row. $1 user id, $2 database name.
-- A grant still to come is named first, then the one that ended last.
SELECT CASE WHEN d.id IS NULL THEN 'unknown database'
            WHEN g.id IS NULL THEN 'no grant'
            WHEN g.revoked_at IS NOT NULL THEN 'revoked'
            WHEN g.starts_at > now() THEN 'not started'
            WHEN g.expires_at <= now() THEN 'expired'
            ELSE 'changed' END AS reason,
       to_char(CASE WHEN g.revoked_at IS NOT NULL THEN g.revoked_at
                    WHEN g.starts_at > now() THEN g.starts_at
                    ELSE g.expires_at END AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') AS at
FROM (SELECT $1::bigint AS user_id, $2::text AS name) AS asked
LEFT JOIN dbbat.databases d ON d.name = asked.name
LEFT JOIN dbbat.grants g ON g.database_id = d.id AND g.user_id = asked.user_id
ORDER BY (g.revoked_at IS NULL AND g.expires_at > now()) DESC NULLS LAST,
         least(g.revoked_at, g.expires_at) DESC NULLS LAST
LIMIT 1
