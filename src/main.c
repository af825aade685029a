/*
 * dbbat: options, subcommands, and the table of processes. What happens here
 * happens before anything serves; supervisor_run does the rest.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/api.h"
#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_text.h"
#include "base/base_title.h"
#include "check/check.h"
#include "conf/conf.h"
#include "crypto/crypto.h"
#include "janitor/janitor.h"
#include "keeper/keeper.h"
#include "net/net_addr.h"
#include "net/net_tls.h"
#include "policy/policy.h"
#include "session/session.h"
#include "shipper/shipper.h"
#include "store/store.h"
#include "supervisor/supervisor.h"
#include "supervisor/supervisor_handover.h"

/* Brings the storage database up to date; the one process kind too small for a directory. */
static _Noreturn void
migrate_main(struct runtime *rt)
{
	struct error	err;
	int		n = store_migrate(rt->dsn, rt->log_dsn, rt->key, &err);

	explicit_bzero(rt->key, sizeof(rt->key));
	if (n < 0)
		log_fatal(EX_UNAVAILABLE, "storage: %s", err.msg);
	log_info("storage is up to date (%d migration%s applied)", n, n == 1 ? "" : "s");
	exit(0);
}

enum { PROCESS_MIGRATE, PROCESS_KEEPER, PROCESS_API, PROCESS_JANITOR, PROCESS_SHIPPER, PROCESS_SESSION, PROCESS_KINDS };

static struct process_kind	process_table[PROCESS_KINDS + 1] = {
	[PROCESS_MIGRATE] = { "migrate", migrate_main, NEED_DSN | NEED_LOG_DSN | NEED_KEY, RESTART_ONCE, 1, 0 },
	[PROCESS_KEEPER] = { "keeper", keeper_main, NEED_DSN | NEED_RECORD_DSN | NEED_KEY | NEED_TOKEN |
	    NEED_KEEPER, RESTART_KEEP, 1, SIGUSR1 },
	[PROCESS_API] = { "api", api_main, NEED_DSN | NEED_TOKEN | NEED_API, RESTART_KEEP, 0, SIGUSR1 },
	[PROCESS_JANITOR] = { "janitor", janitor_main, NEED_DSN, RESTART_KEEP, 1, SIGTERM },
	[PROCESS_SHIPPER] = { "shipper", shipper_main, NEED_RECORD_DSN, RESTART_KEEP, 1, SIGTERM },
	[PROCESS_SESSION] = { "session (spare)", session_main, NEED_PG, RESTART_SPARE, 0, SIGUSR1 },
};

static void
usage(FILE *to)
{
	fputs("usage: dbbat [-f] [-n] [-c FILE] [-V] [-h]\n"
	    "       dbbat keygen\n"
	    "       dbbat [-c FILE] migrate\n"
	    "\n"
	    "  -f        serve in the foreground, log to stderr\n"
	    "  -n        check the configuration, say what is wrong, and exit\n"
	    "  -c FILE   configuration (default " DBBAT_SYSCONFDIR "/dbbat.conf)\n"
	    "  -V        print the version and exit\n"
	    "  -h        print this and exit\n"
	    "\n"
	    "  keygen    print a new master key\n"
	    "  migrate   bring the storage database up to date and exit\n"
	    "\n"
	    "Without -f it runs in the background. See dbbat(8) and dbbat.conf(5).\n", to);
}

static int
main_keygen(void)
{
	unsigned char	key[CRYPTO_KEY_SIZE];
	char		text[TEXT_BASE64_SIZE(CRYPTO_KEY_SIZE)];

	crypto_random(key, sizeof(key));
	text_base64_encode(key, sizeof(key), text);
	puts(text);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return fflush(stdout) == 0 ? 0 : EX_IOERR;
}

/*
 * Goes to the background. The starting process waits until the daemon is
 * serving, or has said on stderr why not, and ends with its code. Returns, in the
 * daemon, the descriptor to tell it.
 */
static int
main_daemonise(void)
{
	int		fds[2], status;
	unsigned char	code = EX_SOFTWARE;
	pid_t		pid;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		log_fatal(EX_OSERR, "cannot go to the background: %m");
	if (pid > 0) {
		close(fds[1]);
		if (read(fds[0], &code, 1) != 1 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
			code = (unsigned char)WEXITSTATUS(status);
		_exit(code);
	}
	close(fds[0]);
	setsid();
	if (chdir("/") != 0)
		log_fatal(EX_OSERR, "chdir /: %m");
	return fds[1];
}

/* The daemon serves: from here on there is no terminal. */
static void
main_detach(const struct conf *conf, int ready_fd)
{
	unsigned char	code = 0;
	int		null = open("/dev/null", O_RDWR);

	if (null < 0)
		log_fatal(EX_OSERR, "/dev/null: %m");
	log_open(true, (enum log_level)conf->log_level);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (write(ready_fd, &code, 1) != 1)
		log_warn("whoever started the daemon is gone");
	close(ready_fd);
}

static void
main_write_pid(const struct conf *conf)
{
	FILE	*f;

	unlink(conf->pid_file);
	f = fopen(conf->pid_file, "wxe");
	if (f == NULL || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f) != 0)
		log_fatal(EX_CANTCREAT, "pid_file %s: %m", conf->pid_file);
}

/* The certificate is made and read before the privileges are gone. */
static struct ssl_ctx_st *
main_tls(const struct conf *conf)
{
	struct ssl_ctx_st	*tls;
	struct error		 err;
	int			 rc;

	if (conf->client_tls == CONF_TLS_OFF)
		return NULL;
	if (supervisor_user_try(conf, &err) != 0)
		log_fatal(EX_NOUSER, "%s", err.msg);
	rc = net_tls_self_signed(conf->tls_cert, conf->tls_key, &err);
	supervisor_user_back();
	if (rc != 0)
		log_fatal(EX_CANTCREAT, "certificate: %s", err.msg);
	tls = net_tls_server(conf->tls_cert, conf->tls_key, &err);
	if (tls == NULL)
		log_fatal(EX_CONFIG, "certificate: %s", err.msg);
	return tls;
}

/*
 * libpq takes defaults from PG* variables. What a session connects to, and how,
 * must not depend on the environment the daemon was started in.
 */
static void
main_clean_environment(void)
{
	for (char **e = environ; *e != NULL;) {
		char	name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
		if (strncmp(name, "PG", 2) == 0 && unsetenv(name) == 0)
			e = environ;	/* the list has moved */
		else
			e++;
	}
}

static void
main_count(const struct conf *conf)
{
	process_table[PROCESS_API].count = (int)conf->api_workers;
	process_table[PROCESS_SESSION].count = (int)conf->min_spare;
}

static int
main_run(struct supervisor *s, const struct conf *conf, bool foreground)
{
	int	rc;

	crypto_warm();
	session_warm();
	log_info("dbbat " DBBAT_VERSION " serves PostgreSQL on %s and the API on %s",
	    conf->listen_pg, conf->listen_api);
	rc = supervisor_run(s);
	if (!foreground)
		unlink(conf->pid_file);
	return rc;
}

/* "OPTION: " before what is wrong with it. Always -1. */
static int
main_blame(const char *option, struct error *err)
{
	struct error	what = *err;

	return error_set(err, "%s: %s", option, what.msg);
}

static int
main_check_values(const struct conf *conf, struct error *err)
{
	unsigned	bits;

	if (net_listen_check(conf->listen_pg, err) != 0)
		return main_blame("listen_pg", err);
	if (net_listen_check(conf->listen_api, err) != 0)
		return main_blame("listen_api", err);
	if (policy_functions_check(conf->user_functions, err) != 0)
		return main_blame("user_functions", err);
	if (policy_resources_read(conf->read_refuse, &bits, err) != 0)
		return main_blame("read_refuse", err);
	return 0;
}

static int
main_serve(struct conf *conf, unsigned char key[CRYPTO_KEY_SIZE], const struct origin *origin, bool foreground)
{
	struct supervisor	*s;
	struct ssl_ctx_st	*tls;
	struct error		 err;
	int			 ready_fd = -1, rc;

	main_count(conf);
	if (!foreground)
		ready_fd = main_daemonise();
	umask(077);
	if (supervisor_directories(conf, &err) != 0)
		log_fatal(EX_CANTCREAT, "%s", err.msg);
	tls = main_tls(conf);
	if (supervisor_user_become(conf, &err) != 0)
		log_fatal(EX_NOPERM, "%s", err.msg);
	s = supervisor_new(conf, process_table, key, tls, origin, NULL, &err);
	if (s == NULL)
		log_fatal(EX_UNAVAILABLE, "%s", err.msg);
	title_set("supervisor");
	rc = supervisor_prepare(s);
	if (rc != 0)
		return rc;
	if (!foreground) {
		main_write_pid(conf);
		main_detach(conf, ready_fd);
	}
	return main_run(s, conf, foreground);
}

/* --- after a reload: this program is executed in the place of the one that was here ------- */

/* The account may read nothing any more of what root had read for it at the start. */
static bool
main_hidden(const char *file)
{
	return access(file, R_OK) != 0 && errno == EACCES;
}

static int
main_reload_key(struct conf *conf, const struct handover *h, unsigned char key[CRYPTO_KEY_SIZE], struct error *err)
{
	if (*conf->key != '\0' || !main_hidden(conf->keyfile))
		return conf_master_key(conf, key, err);
	if (h->check)
		log_info("keyfile %s is hidden from our account: the master key stays what it is", conf->keyfile);
	memcpy(key, h->key, CRYPTO_KEY_SIZE);
	return 0;
}

static int
main_reload_tls(const struct conf *conf, const struct handover *h, struct ssl_ctx_st **tls, struct error *err)
{
	*tls = NULL;
	if (conf->client_tls == CONF_TLS_OFF)
		return 0;
	if (h->pem.len > 0 && (main_hidden(conf->tls_cert) || main_hidden(conf->tls_key))) {
		if (h->check)
			log_info("tls_key %s is hidden from our account: the certificate stays what it is",
			    conf->tls_key);
		*tls = net_tls_server_pem((struct slice){ h->pem.data, h->pem.len }, err);
	} else if (net_tls_self_signed(conf->tls_cert, conf->tls_key, err) == 0)
		*tls = net_tls_server(conf->tls_cert, conf->tls_key, err);
	return *tls != NULL ? 0 : main_blame("certificate", err);
}

static int
main_reload_load(struct conf *conf, const struct handover *h, unsigned char key[CRYPTO_KEY_SIZE],
    struct ssl_ctx_st **tls, struct error *err)
{
	handover_environment(h);
	if (conf_load(conf, h->file, err) != 0)
		return -1;
	if (main_reload_key(conf, h, key, err) == 0 && main_check_values(conf, err) == 0 &&
	    main_reload_tls(conf, h, tls, err) == 0)
		return 0;
	conf_free(conf);
	return -1;
}

/* Would it work? The exit code; says why not. */
static int
main_reload_check(const struct handover *h)
{
	struct conf		 conf;
	struct error		 err;
	struct ssl_ctx_st	*tls;
	unsigned char		 key[CRYPTO_KEY_SIZE];
	bool			 keep[2 * NET_LISTEN_MAX];
	int			 rc = main_reload_load(&conf, h, key, &tls, &err);

	explicit_bzero(key, sizeof(key));
	if (rc == 0 && net_listen_probe(conf.listen_pg, &h->listeners, keep, &err) != 0)
		rc = main_blame("listen_pg", &err);
	if (rc == 0 && net_listen_probe(conf.listen_api, &h->listeners, keep, &err) != 0)
		rc = main_blame("listen_api", &err);
	if (rc == 0)
		return HANDOVER_WELCOME;
	log_error("nothing is changed: %s", err.msg);
	return EX_CONFIG;
}

static int
main_reload(struct handover *h, struct origin *origin, bool foreground)
{
	struct conf		*conf = xcalloc(1, sizeof(*conf));
	struct supervisor	*s;
	struct ssl_ctx_st	*tls;
	struct error		 err;
	unsigned char		 key[CRYPTO_KEY_SIZE];
	sigset_t		 pending;

	log_open(!foreground, LOG_LEVEL_INFO);
	umask(077);
	if (h->check) {
		title_set("check of the configuration");
		return main_reload_check(h);
	}
	title_set("supervisor");
	/* it was good a moment ago; sessions live as long as we do, so there is no giving up */
	while (main_reload_load(conf, h, key, &tls, &err) != 0) {
		log_error("the configuration was changed while it was read: %s; trying again", err.msg);
		sleep(1);
		sigpending(&pending);
		if (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT))
			log_fatal(EX_CONFIG, "told to stop");
	}
	log_open(!foreground, (enum log_level)conf->log_level);
	origin->file = h->file ? xstrdup(h->file) : NULL;
	origin->dsn_env = h->dsn_env;
	origin->log_dsn_env = h->log_dsn_env;
	origin->key_env = h->key_env;
	main_count(conf);
	s = supervisor_new(conf, process_table, key, tls, origin, h, &err);
	if (s == NULL)
		log_fatal(EX_OSERR, "%s", err.msg);
	if (supervisor_prepare(s) != 0)
		log_error("storage could not be brought up to date; going on with what is there");
	return main_run(s, conf, foreground);
}

/* --- the start ------------------------------------------------------------------------------ */

/* This program's path, as it was called: an upgrade puts another one there. */
static char *
main_program(char *name)
{
	char	cwd[4096], exe[4096];
	ssize_t	n;

	if (name[0] == '/')
		return name;
	if (strchr(name, '/') != NULL && getcwd(cwd, sizeof(cwd)) != NULL)
		return xasprintf("%s/%s", cwd, name);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	return n > 0 ? xstrndup(exe, (size_t)n) : name;
}

static const char *
main_absolute(const char *file)
{
	char	cwd[4096];

	if (file == NULL || file[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return file;
	return xasprintf("%s/%s", cwd, file);
}

static bool
main_in_environment(const char *name, const char *old_name)
{
	const char	*value = getenv(name), *old = old_name != NULL ? getenv(old_name) : NULL;

	return (value != NULL && *value != '\0') || (old != NULL && *old != '\0');
}

static int
main_migrate(struct conf *conf, unsigned char key[CRYPTO_KEY_SIZE])
{
	struct error	err;
	int		n;

	/* whom the storage database lets in may depend on the account (peer authentication) */
	if (supervisor_user_become(conf, &err) != 0)
		log_fatal(EX_NOPERM, "%s", err.msg);
	n = store_migrate(conf->dsn, conf->log_dsn, key, &err);
	explicit_bzero(key, CRYPTO_KEY_SIZE);
	if (n < 0)
		log_fatal(EX_UNAVAILABLE, "storage: %s", err.msg);
	printf("%d migration%s applied\n", n, n == 1 ? "" : "s");
	return 0;
}

int
main(int argc, char **argv)
{
	static struct origin	 origin;
	struct conf		 conf;
	struct error		 err;
	struct handover		*handover;
	unsigned char		 key[CRYPTO_KEY_SIZE];
	const char		*file = NULL, *command;
	bool			 foreground = false, check = false;
	int			 c;

	if (check_is_me())
		check_main();
	argv = title_init(argc, argv);
	handover = handover_take();
	while ((c = getopt(argc, argv, "fnc:Vh")) != -1)
		switch (c) {
		case 'f':
			foreground = true;
			break;
		case 'n':
			check = true;
			break;
		case 'c':
			file = optarg;
			break;
		case 'V':
			puts("dbbat " DBBAT_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	command = optind < argc ? argv[optind++] : NULL;
	if (optind < argc) {
		log_error("one command at a time: \"%s\" is too much", argv[optind]);
		return EX_USAGE;
	}
	if (command != NULL && strcmp(command, "keygen") == 0)
		return main_keygen();
	if (command != NULL && strcmp(command, "migrate") != 0) {
		log_error("unknown command \"%s\"", command);
		usage(stderr);
		return EX_USAGE;
	}
	origin.program = argv[0] = main_program(argv[0]);
	origin.argv = argv;
	if (handover != NULL)
		return main_reload(handover, &origin, foreground);
	origin.file = main_absolute(file);
	origin.dsn_env = main_in_environment("DBB_DSN", "PGL_DSN");
	origin.log_dsn_env = main_in_environment("DBB_LOG_DSN", NULL);
	origin.key_env = main_in_environment("DBB_KEY", "PGL_KEY");
	if (conf_load(&conf, file, &err) != 0 || conf_master_key(&conf, key, &err) != 0 ||
	    main_check_values(&conf, &err) != 0)
		log_fatal(EX_CONFIG, "%s", err.msg);
	main_clean_environment();
	if (check) {
		conf_dump(&conf);
		return 0;
	}
	if (foreground)
		log_open(false, (enum log_level)conf.log_level);
	if (command != NULL)
		return main_migrate(&conf, key);
	return main_serve(&conf, key, &origin, foreground);
}
