-- $1 id, $2 username, $3 is_admin, $4 password_hash, $5 scram_verifier, $6 default_password, $7 is_disabled
INSERT INTO dbbat.users (id, username, is_admin, password_hash, scram_verifier, default_password, is_disabled)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, false))
RETURNING id, username, is_admin, is_disabled, default_password, created_at, updated_at
