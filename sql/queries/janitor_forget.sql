-- Nodes that will not come back, and what they never said.
WITH gone AS (
	DELETE FROM dbbat.nodes WHERE seen_at < now() - interval '30 days'
	RETURNING node_id
)
UPDATE dbbat.queries
SET status = 'error', message = 'the node was lost before the outcome was known'
WHERE status = 'running'
AND connection_id IN (SELECT c.id FROM dbbat.connections c JOIN gone USING (node_id) WHERE c.end_reason = 'node lost')
