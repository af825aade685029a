-- What a grant with a quota is counted by, made with its first login. $1 grant id
INSERT INTO dbbat.grant_usage (grant_id)
VALUES ($1::bigint)
ON CONFLICT DO NOTHING
