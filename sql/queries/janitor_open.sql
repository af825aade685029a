-- Connections of this node that are open and must have a journal, if their session lives. $1 node, $2 boot
SELECT id FROM dbbat.connections
WHERE ended_at IS NULL AND node_id = $1 AND (boot_id <> $2 OR started_at < now() - interval '15 seconds')
