-- Held by the session: nodes that start at once migrate one after the other.
SELECT pg_advisory_lock(430772904308)
