-- The row as it is, kept as it is: no grant can come to refer to it before the end of the transaction.
SELECT id, username, is_admin, is_disabled, default_password, password_hash AS _password_hash, created_at, updated_at
FROM dbbat.users
WHERE id = $1
FOR UPDATE
