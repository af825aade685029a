SELECT dbbat.log_expire($1::interval) AS n
