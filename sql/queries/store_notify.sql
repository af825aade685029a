-- Reaches the keepers of every node when the transaction commits. $1 "grant 5", "user 7", "database 3"
SELECT pg_notify('dbbat', $1)
