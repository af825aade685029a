-- $1 user name
SELECT id, default_password, scram_verifier
FROM dbbat.users
WHERE username = $1
