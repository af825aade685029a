-- Connections of ours that another node took for lost when we could not reach storage. Those that did end are
-- closed again. $1 node, $2 boot
UPDATE dbbat.connections SET ended_at = NULL, end_reason = NULL
WHERE node_id = $1 AND boot_id = $2 AND end_reason = 'node lost' AND queries IS NULL
