DELETE FROM dbbat.databases WHERE id = $1
