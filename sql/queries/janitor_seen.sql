-- This node lives. $1 node, $2 boot, $3 name of the host, $4 whether it is the first word of this boot.
-- ours: nobody else goes by our id. kept: we were seen shortly before. back: we were not, for a while.
WITH was AS (
	SELECT boot_id = $2 AS ours, seen_at > now() - interval '30 seconds' AS fresh
	FROM dbbat.nodes WHERE node_id = $1
), said AS (
	INSERT INTO dbbat.nodes AS n (node_id, boot_id, name)
	VALUES ($1, $2, $3)
	ON CONFLICT (node_id) DO UPDATE
	SET boot_id = excluded.boot_id, name = excluded.name, seen_at = now(),
	    started_at = CASE WHEN n.boot_id = excluded.boot_id THEN n.started_at ELSE now() END
	WHERE n.boot_id = excluded.boot_id OR $4::boolean
	RETURNING 1
)
SELECT EXISTS (SELECT FROM said) AS ours,
       coalesce((SELECT ours AND fresh FROM was), false) AS kept,
       coalesce((SELECT ours AND NOT fresh FROM was), false) AS back
