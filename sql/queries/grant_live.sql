-- $1 user_id or $2 database_id: does a grant refer to it that is neither revoked nor expired?
SELECT EXISTS (SELECT FROM dbbat.grants
               WHERE (user_id = $1 OR database_id = $2) AND revoked_at IS NULL AND expires_at > now())
