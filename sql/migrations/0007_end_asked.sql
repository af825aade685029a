-- That an administrator ended a session is kept until its keeper has seen it: a notification may find nobody.
ALTER TABLE dbbat.connections ADD COLUMN end_asked_at timestamptz;
COMMENT ON COLUMN dbbat.connections.end_asked_at IS 'When an administrator ended the session; ended_at tells when it did';
