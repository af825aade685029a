-- What the check of a target needs. $1 database id
SELECT d.id AS database_id, d.name, d.host, d.port, d.database_name, d.username, d.password, d.read_username, d.read_password,
       d.ssl_mode, d.ssl_root_cert, d.ssl_cert, d.ssl_key, dbbat.database_mark(d) AS mark
FROM dbbat.databases d
WHERE d.id = $1::bigint
