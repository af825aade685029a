#!/usr/bin/env python3
"""run_cases.py - execute a JSON-lines corpus of protocol-level cases against a PostgreSQL
endpoint (server or proxy) and decide, from an independent superuser connection, whether
anything changed.  Python 3 stdlib only; speaks wire protocol v3 by itself.

  run_cases.py --host H --port P --user U --password PW --dbname DB
               [--super-user SU --super-password SPW [--super-dbname SDB]]
               --direct-dsn 'host=/sock port=5432 user=postgres dbname=dbb_target'
               --cases cases.jsonl [--only id[,id]] [--category c[,c]] [--skip-category c]
               [--init] [--fixture fixture.sql] [--startup-ro] [--out results.jsonl]

Verdict per case:
  blocked    the attack was answered with an error (or the connection was cut) and nothing changed
  no-effect  no error, nothing changed
  ESCAPED    something changed / the forbidden output came back
  ok/FAILED  for cases with expect=allow: worked / did not work
"""
import argparse, base64, hashlib, hmac, json, os, re, select, socket, ssl, struct, sys, time

# ----------------------------------------------------------------------------- protocol
class PGError(Exception):
    def __init__(self, fields):
        self.fields = fields
        super().__init__("%s: %s" % (fields.get('C', '?'), fields.get('M', '?')))

class Closed(Exception):
    pass

class StepTimeout(Exception):
    pass

def err_fields(p):
    out = {}
    for part in p.split(b'\0'):
        if part:
            out[chr(part[0])] = part[1:].decode('utf-8', 'replace')
    return out

def msg(t, body=b''):
    return t + struct.pack('!I', len(body) + 4) + body

def cstr(s):
    return tobytes(s) + b'\0'

def tobytes(s):
    if isinstance(s, bytes):
        return s
    if isinstance(s, dict):                       # {"hex": "..."}: raw bytes
        return bytes.fromhex(s['hex'].replace(' ', ''))
    return s.encode('utf-8')

class Res:
    """everything that came back for one step"""
    def __init__(self):
        self.rows = []; self.tags = []; self.errors = []; self.notices = []
        self.params = {}; self.notify = []; self.closed = False; self.timeout = False
        self.copy = b''; self.status = None; self.fval = None; self.types = []
    def text(self):
        out = []
        for r in self.rows:
            out.append('|'.join('' if c is None else c.decode('utf-8', 'replace') for c in r))
        if self.copy:
            out.append(self.copy.decode('utf-8', 'replace'))
        if self.fval is not None:
            out.append(self.fval.decode('utf-8', 'replace'))
        return '\n'.join(out)

class Conn:
    def __init__(self, host, port, user, password, dbname, startup=None, tls='disable',
                 timeout=8.0, proto=196608, raw_startup=None, connect_timeout=10.0):
        self.host, self.port, self.user = host, port, user
        self.password = password; self.timeout = timeout
        self.buf = b''; self.params = {}; self.key = None; self.status = None; self.notify = []
        self.authlog = []
        if host.startswith('/'):
            self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.s.settimeout(connect_timeout)
            self.s.connect('%s/.s.PGSQL.%d' % (host, port))
        else:
            self.s = socket.create_connection((host, port), timeout=connect_timeout)
            self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if tls in ('prefer', 'require') and not host.startswith('/'):
                self.s.sendall(struct.pack('!II', 8, 80877103))
                a = self.s.recv(1)
                if a == b'S':
                    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    ctx.check_hostname = False; ctx.verify_mode = ssl.CERT_NONE
                    self.s = ctx.wrap_socket(self.s, server_hostname=host)
                elif tls == 'require':
                    raise Closed('server refused TLS')
            if raw_startup is not None:
                self.s.sendall(raw_startup)
            else:
                kv = [('user', user), ('database', dbname)]
                if startup:
                    kv += list(startup.items()) if isinstance(startup, dict) else [tuple(x) for x in startup]
                body = struct.pack('!I', proto)
                for k, v in kv:
                    body += cstr(k) + cstr(v)
                body += b'\0'
                self.s.sendall(struct.pack('!I', len(body) + 4) + body)
            self.auth()
        except BaseException:
            self.s.close()
            raise

    # -- low level
    def send(self, b):
        try:
            self.s.settimeout(self.timeout)
            self.s.sendall(b)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as e:
            # still try to read what the peer said before it closed
            self.senderr = e
        except (socket.timeout, OSError) as e:
            raise Closed('send: %s' % e)

    def fill(self, deadline):
        left = deadline - time.time()
        if left <= 0:
            raise StepTimeout()
        self.s.settimeout(left)
        try:
            d = self.s.recv(65536)
        except socket.timeout:
            raise StepTimeout()
        except OSError as e:
            raise Closed('recv: %s' % e)
        if not d:
            raise Closed('eof')
        self.buf += d

    def read(self, deadline=None):
        if deadline is None:
            deadline = time.time() + self.timeout
        while len(self.buf) < 5:
            self.fill(deadline)
        n = struct.unpack('!I', self.buf[1:5])[0]
        if n < 4 or n > 1 << 30:
            raise Closed('garbage from peer: %r' % self.buf[:20])
        while len(self.buf) < n + 1:
            self.fill(deadline)
        t, p = self.buf[:1], self.buf[5:n + 1]
        self.buf = self.buf[n + 1:]
        return t, p

    # -- authentication
    def auth(self):
        scram = None
        while True:
            t, p = self.read()
            if t == b'R':
                code = struct.unpack('!I', p[:4])[0]
                self.authlog.append(code)
                if code == 0:
                    pass
                elif code == 3:
                    self.send(msg(b'p', cstr(self.password or '')))
                elif code == 5:
                    a = hashlib.md5(tobytes(self.password or '') + tobytes(self.user)).hexdigest()
                    self.send(msg(b'p', cstr('md5' + hashlib.md5(a.encode() + p[4:8]).hexdigest())))
                elif code == 10:
                    if b'SCRAM-SHA-256' not in p[4:].split(b'\0'):
                        raise Closed('no common SASL mechanism')
                    nonce = base64.b64encode(os.urandom(18)).decode()
                    bare = 'n=,r=' + nonce
                    scram = {'nonce': nonce, 'bare': bare}
                    first = ('n,,' + bare).encode()
                    self.send(msg(b'p', cstr('SCRAM-SHA-256') + struct.pack('!I', len(first)) + first))
                elif code == 11:
                    sf = p[4:].decode()
                    a = dict(x.split('=', 1) for x in sf.split(','))
                    if not a['r'].startswith(scram['nonce']):
                        raise Closed('bad SCRAM nonce')
                    salted = hashlib.pbkdf2_hmac('sha256', tobytes(self.password or ''), base64.b64decode(a['s']), int(a['i']))
                    ck = hmac.digest(salted, b'Client Key', 'sha256')
                    sk = hashlib.sha256(ck).digest()
                    wo = 'c=biws,r=' + a['r']
                    am = (scram['bare'] + ',' + sf + ',' + wo).encode()
                    proof = bytes(x ^ y for x, y in zip(ck, hmac.digest(sk, am, 'sha256')))
                    scram['sig'] = hmac.digest(hmac.digest(salted, b'Server Key', 'sha256'), am, 'sha256')
                    self.send(msg(b'p', (wo + ',p=' + base64.b64encode(proof).decode()).encode()))
                elif code == 12:
                    v = dict(x.split('=', 1) for x in p[4:].decode().split(','))
                    if base64.b64decode(v['v']) != scram['sig']:
                        raise Closed('bad SCRAM server signature')
                else:
                    raise Closed('unsupported auth %d' % code)
            elif t == b'E':
                raise PGError(err_fields(p))
            elif t == b'S':
                k, v = p.split(b'\0')[:2]
                self.params[k.decode()] = v.decode('utf-8', 'replace')
            elif t == b'K':
                self.key = p
            elif t == b'Z':
                self.status = p
                return
            elif t in (b'N', b'v'):
                pass
            else:
                raise Closed('unexpected %r during startup' % t)

    # -- collect answers until `nrfq` ReadyForQuery have come
    def collect(self, nrfq, copydata=None, timeout=None, res=None, until_close=False):
        r = res or Res()
        deadline = time.time() + (timeout or self.timeout)
        try:
            while nrfq > 0 or until_close:
                t, p = self.read(deadline)
                if t == b'D':
                    n = struct.unpack('!H', p[:2])[0]; o = 2; row = []
                    for _ in range(n):
                        l = struct.unpack('!i', p[o:o + 4])[0]; o += 4
                        if l < 0:
                            row.append(None)
                        else:
                            row.append(p[o:o + l]); o += l
                    if len(r.rows) < 5000:
                        r.rows.append(row)
                elif t == b'C':
                    r.tags.append(p.rstrip(b'\0').decode('utf-8', 'replace'))
                elif t == b'E':
                    r.errors.append(err_fields(p))
                elif t == b'N':
                    r.notices.append(err_fields(p))
                elif t == b'S':
                    k, v = p.split(b'\0')[:2]
                    r.params[k.decode()] = v.decode('utf-8', 'replace'); self.params[k.decode()] = v.decode('utf-8', 'replace')
                elif t == b'A':
                    r.notify.append(p[4:].decode('utf-8', 'replace')); self.notify.append(p[4:])
                elif t == b'Z':
                    self.status = r.status = p
                    nrfq -= 1
                elif t == b'G':
                    if copydata is None:
                        self.send(msg(b'f', cstr('no data in this case')))
                    else:
                        self.send(msg(b'd', tobytes(copydata)) + msg(b'c'))
                elif t == b'W':
                    r.tags.append('COPY BOTH'); self.send(msg(b'c'))
                elif t == b'd':
                    if len(r.copy) < 4 << 20:
                        r.copy += p
                elif t == b'V':
                    l = struct.unpack('!i', p[:4])[0]
                    r.fval = b'' if l < 0 else p[4:4 + l]
                # H c 1 2 3 n s t T I : nothing to keep
                elif t == b's':
                    r.tags.append('PortalSuspended')
        except Closed as e:
            r.closed = True
        except StepTimeout:
            r.timeout = True
        return r

    def query(self, sql, copydata=None, timeout=None):
        self.send(msg(b'Q', cstr(sql)))
        return self.collect(1, copydata, timeout)

    def scalar(self, sql, timeout=None):
        r = self.query(sql, timeout=timeout)
        if r.errors:
            raise PGError(r.errors[0])
        if r.closed or r.timeout:
            raise Closed('direct connection: ' + ('closed' if r.closed else 'timeout'))
        return r.text()

    def close(self):
        try:
            self.s.settimeout(1)
            self.s.sendall(msg(b'X'))
        except OSError:
            pass
        try:
            self.s.close()
        except OSError:
            pass

# ----------------------------------------------------------------------------- message specs
def build_msgs(specs, fnoid):
    """list of message specs -> (bytes, number of ReadyForQuery to expect)"""
    out = b''; n = 0
    for m in specs:
        k = m[0]
        if k == 'Q':
            out += msg(b'Q', cstr(m[1])); n += 1
        elif k == 'P':                               # P name sql [oids, or names of types]
            oids = [o if isinstance(o, int) else fnoid(o, 'regtype') for o in m[3]] if len(m) > 3 else []
            out += msg(b'P', cstr(m[1]) + cstr(m[2]) + struct.pack('!H', len(oids)) + b''.join(struct.pack('!I', o) for o in oids))
        elif k == 'B':                               # B portal stmt [params]
            ps = m[3] if len(m) > 3 else []
            b = cstr(m[1]) + cstr(m[2]) + struct.pack('!HH', 0, len(ps))
            for p in ps:
                b += struct.pack('!i', -1) if p is None else struct.pack('!i', len(tobytes(p))) + tobytes(p)
            out += msg(b'B', b + struct.pack('!H', 0))
        elif k == 'D':                               # D S|P name
            out += msg(b'D', m[1].encode() + cstr(m[2]))
        elif k == 'C':
            out += msg(b'C', m[1].encode() + cstr(m[2]))
        elif k == 'E':                               # E portal max
            out += msg(b'E', cstr(m[1]) + struct.pack('!i', m[2] if len(m) > 2 else 0))
        elif k == 'S':
            out += msg(b'S'); n += 1
        elif k == 'H':
            out += msg(b'H')
        elif k == 'F':                               # F func(argtypes) [args]
            out += fnmsg(fnoid(m[1]), m[2]); n += 1
        elif k == 'd':
            out += msg(b'd', tobytes(m[1]))
        elif k == 'c':
            out += msg(b'c')
        elif k == 'f':
            out += msg(b'f', cstr(m[1]))
        elif k == 'X':
            out += msg(b'X')
        elif k == 'raw':                             # raw {"hex":..}|str  [rfq count]
            out += tobytes(m[1]); n += m[2] if len(m) > 2 else 0
        elif k == 'm':                               # m type body [rfq count]  (any message, any body)
            out += msg(m[1].encode(), tobytes(m[2])); n += m[3] if len(m) > 3 else 0
        else:
            raise ValueError('message spec ' + repr(m))
    return out, n

def fnmsg(oid, args):
    b = struct.pack('!IHH', oid, 0, len(args))
    for a in args:
        b += struct.pack('!i', -1) if a is None else struct.pack('!i', len(tobytes(a))) + tobytes(a)
    return msg(b'F', b + struct.pack('!H', 0))

# ----------------------------------------------------------------------------- the checker side
SETTLE = "SELECT count(*) FROM pg_stat_activity WHERE datname='%s' AND backend_type='client backend' AND application_name NOT LIKE 'dbbcheck%%'"

UNIVERSAL_DB = r"""
SELECT pg_catalog.md5(string_agg(x, E'\n' ORDER BY x)) FROM (
 SELECT c.oid::regclass::text || ':' || (xpath('/row/x/text()', query_to_xml(format(
   'select count(*)||'':''||coalesce(sum(hashtextextended(ctid::text||xmin::text||xmax::text,0)),0) as x from %s', c.oid::regclass), false, true, '')))[1]::text AS x
   FROM pg_class c WHERE relkind IN ('r','m') AND c.relname NOT IN ('pg_statistic','pg_statistic_ext_data') AND NOT relisshared
 UNION ALL SELECT 'C:'||md5(string_agg(c::text, ',' ORDER BY oid)) FROM pg_class c
 UNION ALL SELECT 'ST:'||count(*)||':'||coalesce(sum(hashtext(stadistinct::text||stanullfrac::text||starelid)),0) FROM pg_statistic WHERE starelid >= 16384
) q"""

SEQUENCES = r"""
SELECT pg_catalog.md5(string_agg(c.oid::regclass::text || ':' || (xpath('/row/x/text()', query_to_xml(format(
   'select last_value||'':''||is_called as x from %s', c.oid::regclass), false, true, '')))[1]::text, ',' ORDER BY c.oid)) FROM pg_class c WHERE relkind='S'"""

CLUSTER = r"""
SELECT concat_ws('/',
 'auth='||(SELECT md5(string_agg(a::text,',' ORDER BY oid)) FROM pg_authid a),
 'mem='||(SELECT md5(coalesce(string_agg(a::text,',' ORDER BY a::text),'')) FROM pg_auth_members a),
 'set='||(SELECT md5(coalesce(string_agg(a::text,',' ORDER BY a::text),'')) FROM pg_db_role_setting a),
 'db='||(SELECT md5(string_agg(datname||coalesce(datacl::text,'')||datconnlimit||datallowconn||datdba,',' ORDER BY datname)) FROM pg_database),
 'ts='||(SELECT md5(string_agg(a::text,',' ORDER BY oid)) FROM pg_tablespace a),
 'px='||(SELECT coalesce(string_agg(gid,',' ORDER BY gid),'') FROM pg_prepared_xacts),
 'slot='||(SELECT coalesce(string_agg(slot_name,',' ORDER BY slot_name),'') FROM pg_replication_slots),
 'org='||(SELECT coalesce(string_agg(roname,',' ORDER BY roname),'') FROM pg_replication_origin),
 'orgst='||(SELECT coalesce(string_agg(external_id||remote_lsn,',' ORDER BY external_id),'') FROM pg_replication_origin_status),
 'desc='||(SELECT count(*)||'' FROM pg_shdescription),
 'sec='||(SELECT count(*)||'' FROM pg_shseclabel),
 'pacl='||(SELECT md5(coalesce(string_agg(a::text,','),'')) FROM pg_parameter_acl a),
 'sub='||(SELECT count(*)||'' FROM pg_subscription),
 'auto='||md5(pg_read_file('postgresql.auto.conf')),
 'fx='||(SELECT coalesce(string_agg(f||(pg_stat_file('dbb_fx/'||f)).size,',' ORDER BY f),'') FROM pg_ls_dir('dbb_fx') f)
)"""

class World:
    """direct superuser access: fixture, fingerprints, canaries, reset"""
    def __init__(self, dsn, args):
        self.args = args
        self.h, self.p = dsn.get('host', '127.0.0.1'), int(dsn.get('port', 5432))
        self.u, self.pw = dsn.get('user', 'postgres'), dsn.get('password')
        self.db = dsn.get('dbname', 'dbb_target')
        self.tls = dsn.get('sslmode', 'disable'); self.tls = 'require' if self.tls.startswith(('require', 'verify')) else self.tls
        self.maint = self.conn('postgres', 'dbbcheck_maint')
        self.maint.query("SET statement_timeout='20s'; SET lock_timeout='5s'")
        self.vars = {
            'tport': self.maint.scalar('SHOW port'), 'tdb': self.db,
            'datadir': self.maint.scalar('SHOW data_directory'),
            'sock': self.maint.scalar("SELECT split_part(current_setting('unix_socket_directories'),',',1)"),
        }
        self.vars['fx'] = self.vars['datadir'] + '/dbb_fx'
        self.kill_canaries()
        self.sup = None; self.listener = None; self.canary = None; self.sleeper = None
        self.fncache = {}
        self.known = None                         # the fingerprints, where nothing was changed since they were taken

    def kill_canaries(self):
        self.maint.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('dbb_canary','dbb_sleeper')")
        for _ in range(50):
            if self.maint.scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('dbb_canary','dbb_sleeper')") == '0':
                break
            time.sleep(0.02)

    def conn(self, db, app, user=None, pw=None, timeout=25):
        return Conn(self.h, self.p, user or self.u, self.pw if user is None else pw, db,
                    {'application_name': app}, self.tls, timeout=timeout)

    def expand(self, o):
        if isinstance(o, str):
            return re.sub(r'\{\{(\w+)\}\}', lambda m: str(self.vars[m.group(1)]), o)
        if isinstance(o, list):
            return [self.expand(x) for x in o]
        if isinstance(o, dict):
            return {k: self.expand(v) for k, v in o.items()}
        return o

    def mkfx(self):
        self.maint.query("COPY (SELECT 1) TO PROGRAM 'rm -rf %s; mkdir -p %s; echo imported > %s/seed.txt'" % ((self.vars['fx'],) * 3))

    def init(self, path):
        self.drop_subs(); self.close_db(); self.mkfx()
        cleanup_cluster(self.maint)
        sect = []
        for line in open(path, encoding='utf-8'):
            m = re.match(r'--\s*@section db=(\S*) user=(\S*)', line)
            if m:
                sect.append((m.group(1), m.group(2), []))
            elif sect:
                sect[-1][2].append(line)
        for db, user, lines in sect:
            c = self.conn(db, 'dbbcheck_init')
            if user:
                c.query('SET SESSION AUTHORIZATION ' + user)
            # one statement per chunk ending with ';' at end of line
            chunk = ''
            for line in lines:
                if line.startswith('--') or not line.strip():
                    continue
                chunk += line
                if line.rstrip().endswith(';'):
                    r = c.query(self.expand(chunk), timeout=60)
                    if r.errors:
                        raise SystemExit('fixture: %s\n%s' % (r.errors[0], chunk))
                    chunk = ''
            c.close()

    def drop_subs(self):
        if self.maint.scalar("SELECT count(*) FROM pg_subscription") != '0':
            c = self.conn(self.db, 'dbbcheck_sub')
            for n in c.scalar("SELECT subname FROM pg_subscription WHERE subdbid=(SELECT oid FROM pg_database WHERE datname=current_database())").split():
                c.query('ALTER SUBSCRIPTION %s DISABLE' % n); c.query('ALTER SUBSCRIPTION %s SET (slot_name=NONE)' % n); c.query('DROP SUBSCRIPTION %s' % n)
            c.close()

    def close_db(self):
        for n in ('sup', 'listener'):
            c = getattr(self, n)
            if c:
                c.close()
            setattr(self, n, None)

    def ensure(self):
        if self.sup is None:
            self.sup = self.conn(self.db, 'dbbcheck_sup')
            self.sup.query("SET statement_timeout='20s'; SET lock_timeout='3s'; SET max_parallel_workers_per_gather=0")
        if self.listener is None:
            self.listener = self.conn(self.db, 'dbbcheck_listen')
            self.listener.query('LISTEN dbb_ch; LISTEN "DBB_CH"')
        if self.canary is None:
            self.canary = self.conn('postgres', 'dbb_canary', 'app_owner', 'ownerpw')
        if self.sleeper is None:
            self.sleeper = self.conn('postgres', 'dbb_sleeper', 'app_owner', 'ownerpw', timeout=2)
            self.sleeper.send(msg(b'Q', cstr('SELECT pg_sleep(3600)')))
            time.sleep(0.02)

    def fnoid(self, sig, kind='regprocedure'):
        if sig.isdigit():
            return int(sig)
        if kind == 'regtype' or sig not in self.fncache:
            self.fncache[sig] = int(self.sup.scalar("SELECT '%s'::%s::oid::int8" % (sig, kind)))
        return self.fncache[sig]

    def settle(self, limit=1.5):
        """wait for the attack's backend(s) to be gone"""
        end = time.time() + limit
        while time.time() < end:
            if self.maint.scalar(SETTLE % self.db) == '0':
                return True
            time.sleep(0.02)
        return False

    def canaries(self):
        return self.maint.scalar("SELECT string_agg(application_name||':'||state, ',' ORDER BY application_name) FROM pg_stat_activity WHERE application_name IN ('dbb_canary','dbb_sleeper')")

    def universal(self):
        def one(c, q):
            try:
                return c.scalar(q)
            except PGError as e:
                return 'ERR ' + str(e)
        return {'db': one(self.sup, UNIVERSAL_DB), 'seq': one(self.sup, SEQUENCES), 'cluster': one(self.maint, CLUSTER)}

    def check(self, chk):
        """case-specific check -> text (errors are part of the text)"""
        if not chk:
            return None
        sql, c = (chk, self.sup) if isinstance(chk, str) else (chk['sql'], self.maint if chk.get('db') == 'postgres' else self.sup)
        try:
            if isinstance(chk, dict) and chk.get('pre'):
                c.scalar(chk['pre'])
            return c.scalar(sql)
        except PGError as e:
            return 'ERR ' + str(e)

    def notifications(self):
        self.listener.notify = []
        self.listener.query('SELECT 1')
        return len(self.listener.notify)

    def reset(self):
        self.known = None
        self.drop_subs()
        self.close_db()
        cleanup_cluster(self.maint)
        self.mkfx()
        r = self.maint.query('DROP DATABASE IF EXISTS "%s" WITH (FORCE)' % self.db)
        if r.errors:
            time.sleep(0.3)
            r = self.maint.query('DROP DATABASE IF EXISTS "%s" WITH (FORCE)' % self.db)
            if r.errors:
                raise SystemExit('reset: %s' % r.errors)
        r = self.maint.query('CREATE DATABASE "%s" TEMPLATE dbb_tpl OWNER app_owner' % self.db)
        if r.errors:
            raise SystemExit('reset: %s' % r.errors)
        self.fncache = {}
        for n in ('canary', 'sleeper'):
            c = getattr(self, n)
            if c is not None:
                st = self.maint.scalar("SELECT coalesce(max(state),'gone') FROM pg_stat_activity WHERE application_name='dbb_%s'" % n)
                if st != ('idle' if n == 'canary' else 'active'):
                    c.close(); setattr(self, n, None)
        self.ensure()

def cleanup_cluster(m):
    """everything outside the target database that a case may have left behind"""
    def rows(q):
        return [x for x in m.scalar(q).split('\n') if x]
    for g in rows("SELECT gid||'@'||database FROM pg_prepared_xacts"):
        gid, db = g.rsplit('@', 1)
        c = Conn(m.host, m.port, m.user, m.password, db, {'application_name': 'dbbcheck_px'}); c.query("ROLLBACK PREPARED '%s'" % gid); c.close()
    for s in rows("SELECT slot_name FROM pg_replication_slots"):
        m.query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name='%s' AND active_pid IS NOT NULL" % s)
        for _ in range(20):
            if not m.query("SELECT pg_drop_replication_slot('%s')" % s).errors:
                break
            time.sleep(0.05)
    for o in rows("SELECT roname FROM pg_replication_origin WHERE roname LIKE 'dbb%'"):
        m.query("SELECT pg_replication_origin_drop('%s')" % o)
    for d in rows("SELECT datname FROM pg_database WHERE datname LIKE 'dbb_evil%'"):
        m.query('DROP DATABASE "%s" WITH (FORCE)' % d)
    for d in rows("SELECT datname FROM pg_database WHERE datname = 'dbb_renamed'"):
        m.query('DROP DATABASE "%s" WITH (FORCE)' % d)
    for d in rows("SELECT spcname FROM pg_tablespace WHERE spcname LIKE 'dbb_evil%'"):
        m.query('DROP TABLESPACE "%s"' % d)
    for d in rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'dbb_evil%'"):
        m.query('DROP OWNED BY "%s"' % d); m.query('DROP ROLE "%s"' % d)
    for d in rows("SELECT 'ALTER ROLE '||quote_ident(rolname)||CASE WHEN setdatabase<>0 THEN ' IN DATABASE '||quote_ident(datname) ELSE '' END||' RESET ALL' FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid=setrole LEFT JOIN pg_database d ON d.oid=setdatabase WHERE setrole<>0"):
        m.query(d)
    if m.scalar("SELECT count(*) FROM pg_roles WHERE rolname IN ('app_owner','app_super','app_group')") == '3':
        m.query("DO $$BEGIN IF (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname='app_owner') THEN ALTER ROLE app_owner NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS; END IF; END$$")
        m.query("REVOKE app_super FROM app_owner"); m.query("COMMENT ON ROLE app_owner IS NULL")
        if m.scalar("SELECT rolvaliduntil IS NOT NULL OR rolconnlimit<>-1 FROM pg_roles WHERE rolname='app_owner'") == 't':
            m.query("ALTER ROLE app_owner VALID UNTIL 'infinity' CONNECTION LIMIT -1")
    # the stored verifier may have been changed by a case: verify, then repair
    for r, p in (('app_owner', 'ownerpw'), ('app_super', 'superpw'), ('app_ro', 'ropw')):
        v = m.scalar("SELECT rolpassword FROM pg_authid WHERE rolname='%s'" % r)
        if v and not scram_ok(v, p):
            m.query("ALTER ROLE %s PASSWORD '%s'" % (r, p))
    if len(m.scalar("SELECT pg_read_file('postgresql.auto.conf')").strip().split('\n')) > 2:
        m.query('ALTER SYSTEM RESET ALL'); m.query('SELECT pg_reload_conf()'); time.sleep(0.1)
    for d in rows("SELECT parname FROM pg_parameter_acl"):
        m.query("REVOKE ALL ON PARAMETER %s FROM PUBLIC, app_owner, app_group" % d)

def scram_ok(v, pw):
    try:
        _, it_salt, keys = v.split('$')
        it, salt = it_salt.split(':'); stored = keys.split(':')[0]
        ck = hmac.digest(hashlib.pbkdf2_hmac('sha256', pw.encode(), base64.b64decode(salt), int(it)), b'Client Key', 'sha256')
        return base64.b64encode(hashlib.sha256(ck).digest()).decode() == stored
    except Exception:
        return False

# ----------------------------------------------------------------------------- one case
def summarize(r):
    d = {}
    if r.tags: d['tags'] = r.tags[:6]
    if r.errors: d['errors'] = ['%s %s' % (e.get('C'), e.get('M')) for e in r.errors[:4]]
    if r.closed: d['closed'] = True
    if r.timeout: d['timeout'] = True
    t = r.text()
    if t: d['out'] = t[:300]
    if r.params: d['params'] = r.params
    return d

def run_steps(case, w, args, log):
    """returns (results list, connect_error)"""
    sup = case.get('role') == 'super'
    user, pw, db = (args.super_user, args.super_password, args.super_dbname or args.dbname) if sup else (args.user, args.password, args.dbname)
    def connect(extra):
        st = []
        extra = w.expand(extra or {})
        if isinstance(extra, dict):
            extra = list(extra.items())
        u, d = user, db
        proto, raw = 196608, None
        for k, v in extra:
            if k == '!proto': proto = v
            elif k == '!raw': raw = tobytes(v)
            elif k == '!dbname': d = v
            elif k == '!user': u = v
            else: st.append((k, v))
        if args.startup_ro:                       # what a naive proxy would append (last key wins)
            st.append(('default_transaction_read_only', 'on'))
        return Conn(args.host, args.port, u, pw, d, st, args.tls, timeout=args.timeout, proto=proto, raw_startup=raw)
    out = []
    conn = None
    opened = []
    try:
        try:
            conn = connect(case.get('startup')); opened.append(conn)
        except PGError as e:
            r = Res(); r.errors.append(e.fields); out.append(r); return out, opened
        except (Closed, StepTimeout, OSError) as e:
            r = Res(); r.closed = True; r.errors.append({'C': 'CONN', 'M': str(e) or e.__class__.__name__}); out.append(r); return out, opened
        for st in case['steps']:
            st = w.expand(st)
            if isinstance(st, str):
                st = {'op': 'query', 'sql': st}
            op = st.get('op', 'query')
            to = st.get('timeout', args.timeout)
            if op == 'query':
                r = conn.query(st['sql'], st.get('copy'), to)
            elif op == 'ext':
                n = st.get('name', '')
                b, k = build_msgs([['P', n, st['sql'], st.get('types', [])], ['B', '', n, st.get('params', [])], ['D', 'P', ''], ['E', '', st.get('max', 0)], ['S']], w.fnoid)
                conn.send(b); r = conn.collect(k, st.get('copy'), to)
            elif op == 'fn':
                conn.send(fnmsg(w.fnoid(st['func']), st.get('args', []))); r = conn.collect(1, None, to)
            elif op == 'msgs':
                b, k = build_msgs(st['msgs'], w.fnoid)
                if st.get('split'):
                    n = st['split']
                    for i in range(0, len(b), n):
                        conn.send(b[i:i + n]); time.sleep(0.002)
                else:
                    conn.send(b)
                if 'rfq' in st: k = st['rfq']
                r = conn.collect(k, st.get('copy'), to, until_close=st.get('until_close', False))
            elif op == 'sleep':
                time.sleep(st['s']); continue
            elif op == 'reconnect':
                conn.close()
                try:
                    conn = connect(st.get('startup')); opened.append(conn)
                except PGError as e:
                    r = Res(); r.errors.append(e.fields); out.append(r); break
                except (Closed, StepTimeout, OSError) as e:
                    r = Res(); r.closed = True; out.append(r); break
                continue
            else:
                raise ValueError('op ' + op)
            out.append(r)
            if r.closed or r.timeout:
                break
    except (Closed, StepTimeout, OSError) as e:
        r = Res(); r.closed = True; r.errors.append({'C': 'CONN', 'M': str(e)}); out.append(r)
    return out, opened

def direct_sql(w, lst):
    for s in lst:
        s = w.expand(s)
        if isinstance(s, str):
            s = {'sql': s}
        c = w.sup
        if s.get('own_conn') or s.get('as'):
            c = w.conn(s.get('db', w.db), 'dbbcheck_setup', s.get('as'), {'app_owner': 'ownerpw', 'app_super': 'superpw'}.get(s.get('as')))
        elif s.get('db') == 'postgres':
            c = w.maint
        r = c.query(s['sql'])
        if c not in (w.sup, w.maint):
            c.close()
        if r.errors:
            raise SystemExit('setup failed: %s: %s' % (s, r.errors))

def run_case(case, w, args):
    w.ensure()
    t0 = time.time()
    deny = case.get('expect', 'deny') == 'deny'
    if case.get('setup'):
        direct_sql(w, case['setup'])
        w.known = None
    if '{{lsn0}}' in json.dumps(case):
        w.vars['lsn0'] = w.maint.scalar('SELECT pg_current_wal_insert_lsn()')
    w.vars['canary_pid'] = w.maint.scalar("SELECT coalesce(max(pid),0) FROM pg_stat_activity WHERE application_name='dbb_canary'")
    w.vars['sleeper_pid'] = w.maint.scalar("SELECT coalesce(max(pid),0) FROM pg_stat_activity WHERE application_name='dbb_sleeper'")
    chk = w.expand(case.get('check'))
    w.notifications()
    can0 = w.canaries()
    u0 = (w.known or w.universal()) if (deny or args.check_allow) else None
    c0 = w.check(chk)
    if isinstance(c0, str) and c0.startswith('ERR'):
        print('WARNING %s: check fails before the case: %s' % (case['id'], c0), file=sys.stderr)
    results, opened = run_steps(case, w, args, None)
    if case.get('linger'):
        time.sleep(case['linger'])
    copen = w.check(chk)
    for c in opened:
        c.close()
    w.settle()
    c1 = w.check(chk)
    changed = []
    if chk:
        if c1 != c0: changed.append('check')
        elif copen != c0: changed.append('check-while-open')
    if u0 is not None:
        u1 = w.known = w.universal()
        for k in u0:
            if u0[k] != u1[k]:
                changed.append(k)
                if k == 'cluster':
                    a = dict(x.split('=', 1) for x in u0[k].split('/') if '=' in x); b = dict(x.split('=', 1) for x in u1[k].split('/') if '=' in x)
                    changed[-1] += ':' + '+'.join(x for x in a if a[x] != b.get(x))
    if w.notifications():
        changed.append('notify')
    if w.canaries() != can0:
        changed.append('canary')
    alltext = '\n'.join(r.text() for r in results)
    if case.get('check_output') and re.search(w.expand(case['check_output']), alltext, re.M):
        changed.append('output')
    ignore = set(case.get('ignore', []))
    effect = [x for x in changed if x.split(':')[0] not in ignore]
    errs = ['%s %s' % (e.get('C'), e.get('M')) for r in results for e in r.errors]
    cut = any(r.closed for r in results); tmo = any(r.timeout for r in results)
    if deny:
        if effect: verdict = 'ESCAPED'
        elif errs or cut or tmo: verdict = 'blocked'
        else: verdict = 'no-effect'
    else:
        bad = bool(errs or cut or tmo)
        if case.get('may_error'):                # allowed to raise an ordinary SQL error, but not a policy one
            bad = cut or tmo or any(not re.search(case['may_error'], e) for e in errs)
        if case.get('expect_output') and not re.search(case['expect_output'], alltext, re.S):
            bad = True; errs.append('output mismatch: ' + alltext[:200])
        if effect and not case.get('changes_ok'):
            bad = True; errs.append('changed state: ' + ','.join(effect))
        verdict = 'FAILED' if bad else 'ok'
    dirty = bool(changed) or bool(case.get('setup')) or case.get('dirty')
    if dirty and not args.no_reset:
        w.reset()
    return {'id': case['id'], 'category': case.get('category'), 'path': case.get('path'), 'role': case.get('role', 'owner'), 'effect': case.get('effect'), 'severity': case.get('severity'),
            'expect': case.get('expect', 'deny'), 'verdict': verdict, 'changed': changed, 'errors': errs[:3], 'cut': cut, 'timeout': tmo,
            'check_before': c0, 'check_open': copen, 'check_after': c1, 'steps': [summarize(r) for r in results] if args.verbose else None,
            'ms': int(1000 * (time.time() - t0))}

def parse_dsn(s):
    if '://' in s:
        from urllib.parse import urlparse, unquote, parse_qs
        u = urlparse(s); d = {'host': u.hostname or parse_qs(u.query).get('host', ['127.0.0.1'])[0], 'port': u.port or 5432, 'user': unquote(u.username or 'postgres'), 'dbname': u.path.lstrip('/') or 'dbb_target'}
        if u.password: d['password'] = unquote(u.password)
        return d
    return dict(x.split('=', 1) for x in s.split())

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--host', required=True); ap.add_argument('--port', type=int, required=True)
    ap.add_argument('--user', required=True); ap.add_argument('--password', default=''); ap.add_argument('--dbname', required=True)
    ap.add_argument('--super-user'); ap.add_argument('--super-password', default=''); ap.add_argument('--super-dbname')
    ap.add_argument('--direct-dsn', required=True); ap.add_argument('--cases', required=True, action='append')
    ap.add_argument('--only'); ap.add_argument('--category'); ap.add_argument('--skip-category'); ap.add_argument('--path')
    ap.add_argument('--fixture', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixture.sql'))
    ap.add_argument('--init', action='store_true', help='(re)create roles, template and target database first')
    ap.add_argument('--startup-ro', action='store_true', help='append default_transaction_read_only=on to the startup packet (server-side-only mode)')
    ap.add_argument('--tls', choices=['disable', 'prefer', 'require'], default='disable')
    ap.add_argument('--timeout', type=float, default=4.0); ap.add_argument('--out'); ap.add_argument('--no-reset', action='store_true')
    ap.add_argument('--check-allow', action='store_true', help='fingerprint the database around expect=allow cases too')
    ap.add_argument('--verbose', '-v', action='store_true'); ap.add_argument('--quiet', '-q', action='store_true')
    args = ap.parse_args()
    cases = []
    for f in args.cases:
        for i, line in enumerate(open(f, encoding='utf-8')):
            line = line.strip()
            if line and not line.startswith('#'):
                cases.append(json.loads(line))
    ids = [c['id'] for c in cases]
    if len(set(ids)) != len(ids):
        raise SystemExit('duplicate ids: %s' % sorted(x for x in set(ids) if ids.count(x) > 1))
    if args.only:
        want = args.only.split(','); cases = [c for c in cases if c['id'] in want or any(w.endswith('*') and c['id'].startswith(w[:-1]) for w in want)]
    if args.category: cases = [c for c in cases if c.get('category') in args.category.split(',')]
    if args.skip_category: cases = [c for c in cases if c.get('category') not in args.skip_category.split(',')]
    if args.path: cases = [c for c in cases if c.get('path') in args.path.split(',')]
    w = World(parse_dsn(args.direct_dsn), args)
    if args.init:
        w.init(args.fixture)
    if not args.no_reset:
        w.reset()
    out = open(args.out, 'w', encoding='utf-8') if args.out else None
    tally = {}; sev = {}
    t0 = time.time()
    for c in cases:
        if c.get('role') == 'super' and not args.super_user:
            tally['skipped'] = tally.get('skipped', 0) + 1; continue
        try:
            r = run_case(c, w, args)
        except (Closed, PGError, OSError) as e:     # the checker's own connection suffered: rebuild it
            r = {'id': c['id'], 'category': c.get('category'), 'path': c.get('path'), 'role': c.get('role', 'owner'), 'expect': c.get('expect', 'deny'), 'verdict': 'ESCAPED' if c.get('expect', 'deny') == 'deny' else 'FAILED', 'changed': ['checker-broken'], 'errors': ['checker: %s' % e]}
            for _ in range(40):
                try:
                    dsn = parse_dsn(args.direct_dsn); w = World(dsn, args); w.reset(); break
                except Exception:
                    time.sleep(0.5)
        tally[r['verdict']] = tally.get(r['verdict'], 0) + 1
        if r['verdict'] == 'ESCAPED': sev[c.get('severity', '?')] = sev.get(c.get('severity', '?'), 0) + 1
        if out:
            out.write(json.dumps(r, ensure_ascii=False) + '\n'); out.flush()
        if not args.quiet or r['verdict'] in ('ESCAPED', 'FAILED'):
            print('%-9s %-34s %-9s %-9s %s%s' % (r['verdict'], r['id'], r.get('path') or '', r['role'], ('changed=' + ','.join(r['changed']) + ' ') if r['changed'] else '', ('| ' + r['errors'][0][:110]) if r['errors'] else ''), flush=True)
            if args.verbose:
                for s in r.get('steps') or []:
                    print('          ', json.dumps(s, ensure_ascii=False)[:600])
                print('           check', r.get('check_before'), '->', r.get('check_open'), '->', r.get('check_after'))
    print('SUMMARY %s total=%d seconds=%.1f' % (' '.join('%s=%d' % kv for kv in sorted(tally.items())), len(cases), time.time() - t0))
    if sev: print('ESCAPED by severity: ' + ' '.join('%s=%d' % kv for kv in sorted(sev.items())))
    w.close_db()
    w.kill_canaries()
    for c in (w.canary, w.sleeper, w.maint):
        if c: c.close()
    sys.exit(1 if tally.get('ESCAPED') or tally.get('FAILED') else 0)

if __name__ == '__main__':
    main()
