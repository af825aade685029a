LISTEN dbbat
