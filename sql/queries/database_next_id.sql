-- The id comes first: the sealed password is bound to it.
SELECT nextval(pg_get_serial_sequence('dbbat.databases', 'id'))
