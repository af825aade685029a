-- The last check of a database. $1 its id
SELECT d.id AS database_id, c.checked_at, c.mark = dbbat.database_mark(d) AS current, c.reachable, c.clean,
       c.report->>'role' AS role, c.report->'logins' AS logins, c.report->'findings' AS findings,
       c.report->'remarks' AS remarks, c.report->>'script' AS script, c.report->>'error' AS error
FROM dbbat.database_checks c
JOIN dbbat.databases d ON d.id = c.database_id
WHERE c.database_id = $1::bigint
