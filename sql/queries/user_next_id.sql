-- The id comes first: the sealed verifier is bound to it.
SELECT nextval(pg_get_serial_sequence('dbbat.users', 'id'))
