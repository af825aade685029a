# Turns SQL files into one C header of string macros:
#   sql/queries/user_get.sql        -> #define SQL_USER_GET "..."
#   sql/migrations/0001_init.sql    -> a row of SQL_MIGRATIONS(M): M(1, "0001_init", "...")
function flush() {
	if (name == "") return
	if (path ~ /migrations/)
		migrations = migrations " \\\n\tM(" (substr(name, 1, 4) + 0) ", \"" name "\", \\\n" text "\t)"
	else
		print "#define SQL_" toupper(name) " \\\n" text "\t\"\"\n"
	text = ""
}
BEGIN { print "/* Made from sql/ by sql/embed.awk. */\n" }
FNR == 1 {
	flush()
	path = FILENAME
	name = FILENAME; sub(/.*\//, "", name); sub(/\.sql$/, "", name)
}
/^[ \t]*--/ || /^[ \t]*$/ { next }
{
	line = $0
	gsub(/\\/, "&&", line); gsub(/"/, "\\\"", line)
	text = text "\t\"" line "\\n\" \\\n"
}
END { flush(); print "#define SQL_MIGRATIONS(M)" migrations }
