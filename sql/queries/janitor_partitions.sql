SELECT dbbat.log_partitions_make($1::boolean) AS n
