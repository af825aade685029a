-- $1 id, $2 username, $3 is_admin, $4 password_hash, $5 scram_verifier, $6 default_password
INSERT INTO dbbat.users (id, username, is_admin, password_hash, scram_verifier, default_password)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id, username, is_admin, default_password, created_at, updated_at
