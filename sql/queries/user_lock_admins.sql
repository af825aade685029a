-- All admins, kept as they are, so that two transactions cannot each remove the other's last one.
SELECT id FROM dbbat.users WHERE is_admin ORDER BY id FOR UPDATE
