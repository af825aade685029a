DELETE FROM dbbat.users WHERE id = $1
