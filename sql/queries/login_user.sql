-- $1 user name
SELECT id, is_disabled, default_password, scram_verifier
FROM dbbat.users
WHERE username = $1
