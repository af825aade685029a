// pgjdbc: its own implementation; batches, fetch size, server-prepared statements, binary transfer.
import java.io.*;
import java.security.MessageDigest;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class JdbcClient {
	interface Step { void run() throws Exception; }

	static void say(Object... v) { System.out.println(Arrays.deepToString(v)); }

	static Object failed(Step s) throws Exception {
		try { s.run(); return "no error"; } catch (SQLException e) { return e.getSQLState() + " " + e.getMessage(); }
	}

	static Connection connect() throws SQLException {
		Properties p = new Properties();
		p.setProperty("user", System.getenv("PGUSER"));
		p.setProperty("password", System.getenv("PGPASSWORD"));
		p.setProperty("sslmode", System.getenv("PGSSLMODE"));
		p.setProperty("prepareThreshold", "2");
		return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), p);
	}

	static List<Object> rows(ResultSet r) throws SQLException {
		List<Object> all = new ArrayList<>();
		while (r.next())
			for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) all.add(r.getObject(i) instanceof byte[] b ? HexFormat.of().formatHex(b) : r.getString(i));
		return all;
	}

	public static void main(String[] args) throws Exception {
		Connection c = connect();
		Statement s = c.createStatement();
		say("select", rows(s.executeQuery("SELECT 1, 'eins'")));
		s.execute("SELECT 1; SELECT 2"); List<Object> first = rows(s.getResultSet()); s.getMoreResults(); say("several", first, rows(s.getResultSet()));
		PreparedStatement p = c.prepareStatement("SELECT ?::text, ?::int, ?::bytea, ?::numeric, ?::int8, ?::timestamptz");
		for (int i = 0; i < 5; i++) {	/* past prepareThreshold: named, then binary */
			p.setString(1, "it's"); p.setNull(2, Types.INTEGER); p.setBytes(3, new byte[] { 0, -1 }); p.setBigDecimal(4, new java.math.BigDecimal("12.50"));
			p.setLong(5, 1L << 40); p.setTimestamp(6, new Timestamp(86400000L));
			say("values", rows(p.executeQuery()));
		}
		String big = "\u00fc".repeat(3000000);
		p = c.prepareStatement("SELECT ?::text || ?::text"); p.setString(1, big); p.setString(2, big);
		ResultSet r = p.executeQuery(); r.next(); say("big", r.getString(1).length());
		s.execute("CREATE TEMP TABLE t (a int PRIMARY KEY, b text)");
		p = c.prepareStatement("INSERT INTO t VALUES (?, ?)");
		for (int n = 0; n < 1000; n++) { p.setInt(1, n); p.setString(2, "row " + n); p.addBatch(); }
		say("batch", Arrays.stream(p.executeBatch()).sum(), rows(s.executeQuery("SELECT count(*), sum(a) FROM t")));
		p = c.prepareStatement("/* counted */ INSERT INTO t VALUES (?)");
		for (int n = 1; n <= 40; n++) { p.setInt(1, -n); p.addBatch(); }
		say("counted", p.executeBatch().length, s.executeUpdate("DELETE FROM t WHERE a < 0"));
		say("COUNT", 40);
		PreparedStatement q = c.prepareStatement("INSERT INTO t VALUES (?, 'twice')");
		for (int n : new int[] { 2000000, 1, 2000001 }) { q.setInt(1, n); q.addBatch(); }
		say("batch error", failed(q::executeBatch));
		CopyManager copy = ((PGConnection)c).getCopyAPI();
		StringBuilder in = new StringBuilder();
		for (int n = 1000; n < 30000; n++) in.append(n).append("\tcopied ").append(n).append('\n');
		say("copy in", copy.copyIn("COPY t FROM STDIN", new StringReader(in.toString())));
		ByteArrayOutputStream out = new ByteArrayOutputStream();
		say("copy out", copy.copyOut("COPY (SELECT * FROM t ORDER BY a) TO STDOUT", out), new java.math.BigInteger(1, MessageDigest.getInstance("MD5").digest(out.toByteArray())).toString(16));
		say("copy error", failed(() -> copy.copyIn("COPY t FROM STDIN", new StringReader("1\tagain\n"))));
		c.setAutoCommit(false);
		p = c.prepareStatement("SELECT a FROM t ORDER BY a LIMIT 1050"); p.setFetchSize(100);
		long sum = 0; r = p.executeQuery(); while (r.next()) sum += r.getInt(1); say("fetch size", sum);
		say("error", failed(() -> s.execute("SELECT 1/0"))); say("aborted", failed(() -> s.execute("SELECT 1"))); c.rollback();
		s.execute("INSERT INTO t VALUES (-1)"); Savepoint sp = c.setSavepoint(); s.execute("DELETE FROM t"); c.rollback(sp); c.commit();
		say("savepoint", rows(s.executeQuery("SELECT count(*) FROM t"))); c.commit(); c.setAutoCommit(true);
		s.execute("DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"); say("notices", s.getWarnings().getSQLState(), s.getWarnings().getMessage());
		s.execute("LISTEN news"); s.execute("NOTIFY news, 'first'");
		Connection o = connect(); o.createStatement().execute("SELECT pg_notify('news', 'second')"); o.close();
		List<String> notes = new ArrayList<>();
		while (notes.size() < 2) {
			org.postgresql.PGNotification[] got = ((PGConnection)c).getNotifications(10000);
			if (got == null || got.length == 0) break;
			for (org.postgresql.PGNotification n : got) notes.add(n.getName() + "=" + n.getParameter());
		}
		say("notify", notes);
		new Timer(true).schedule(new TimerTask() { public void run() { try { s.cancel(); } catch (SQLException e) { say("cancel failed", e); } } }, 500);
		say("cancel", failed(() -> s.execute("SELECT pg_sleep(30)")));
		s.setQueryTimeout(1); say("timeout", failed(() -> s.execute("SELECT pg_sleep(30)"))); s.setQueryTimeout(0);
		say("after", rows(s.executeQuery("SELECT 42")), ((PGConnection)c).getBackendPID() > 0, c.getMetaData().getDatabaseProductVersion());
		c.close();
	}
}
