-- What the last check of a database found, in short. $1 its id
SELECT c.checked_at, c.mark = dbbat.database_mark(d) AS current, c.reachable, c.clean, c.report->>'role' AS role,
       (SELECT coalesce(json_agg(json_build_object('kind', f->'kind', 'message', f->'message', 'total', f->'total')), '[]')
        FROM json_array_elements(c.report->'findings') AS f) AS findings
FROM dbbat.database_checks c
JOIN dbbat.databases d ON d.id = c.database_id
WHERE c.database_id = $1::bigint
