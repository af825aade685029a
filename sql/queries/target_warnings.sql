-- What an admin who grants read on this database should know, one text a row. $1 its id
SELECT CASE WHEN c.database_id IS NULL THEN 'the target of this database was never checked: POST /api/databases/' || d.id || '/check'
            WHEN c.mark <> dbbat.database_mark(d) THEN 'this database was changed since its target was checked: POST /api/databases/' || d.id || '/check'
            WHEN NOT c.reachable THEN 'when the target of this database was checked it could not be reached' END AS warning
FROM dbbat.databases d
LEFT JOIN dbbat.database_checks c ON c.database_id = d.id
WHERE d.id = $1::bigint
UNION ALL
SELECT 'role ' || (c.report->>'role') || ' on the target: ' || (f->>'message') || ' (' || (f->>'total') || ')'
FROM dbbat.database_checks c
JOIN dbbat.databases d ON d.id = c.database_id AND c.mark = dbbat.database_mark(d),
LATERAL json_array_elements(c.report->'findings') AS f
WHERE c.database_id = $1::bigint
