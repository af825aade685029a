-- All admins who can log in, kept as they are, so that two transactions cannot each remove the other's last one.
SELECT id FROM dbbat.users WHERE is_admin AND NOT is_disabled ORDER BY id FOR UPDATE
