-- $1 id, $2 username, $3 is_admin, $4 password_hash, $5 scram_verifier, $6 is_disabled; NULL leaves a column alone
UPDATE dbbat.users
SET username         = coalesce($2, username),
    is_admin         = coalesce($3, is_admin),
    password_hash    = coalesce($4, password_hash),
    scram_verifier   = coalesce($5, scram_verifier),
    default_password = default_password AND $4 IS NULL,
    is_disabled      = coalesce($6, is_disabled),
    updated_at       = now()
WHERE id = $1
RETURNING id, username, is_admin, is_disabled, default_password, created_at, updated_at
