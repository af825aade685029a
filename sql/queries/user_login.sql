SELECT id, username, is_admin, default_password, password_hash FROM dbbat.users WHERE username = $1
