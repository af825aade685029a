SELECT id, username, is_admin, default_password, password_hash, is_disabled FROM dbbat.users WHERE username = $1
