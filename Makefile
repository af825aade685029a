# DBBat. `make` builds ./dbbat, `make check` tests it, `make quickstart` shows it.
#
#   make SANITIZE=address,undefined   a sanitizer build, in a build directory of its own
#   make WERROR=1                     warnings are errors (CI)
#   make B=DIR                        another build directory
#   make bench                        measure it
#   make V=1                          show the commands

comma   := ,
B       ?= build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)
PROGRAM ?= $(if $(SANITIZE),$(B)/dbbat,dbbat)

# Layers, highest first. A layer is linked with itself and what is below it, so a call
# upwards does not link; t/layers.t checks the includes.
LAYERS  := supervisor keeper session api janitor shipper check record policy store target ipc wire net crypto conf base

NOCONFIG := deps check check-clients bench quickstart quickstart-stop clean distclean
ifeq ($(filter $(NOCONFIG),$(MAKECMDGOALS)),)
include config.mk
endif

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes \
           -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wimplicit-fallthrough \
           -Werror=implicit-function-declaration -Werror=int-conversion -Werror=incompatible-pointer-types
HARDEN  := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
SAN     := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Isrc -I$(B)/gen $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SAN) \
             -DDBBAT_VERSION='"$(VERSION)"' -DDBBAT_SYSCONFDIR='"$(sysconfdir)"' $(LIB_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)

sources  = $(wildcard src/$(1)/*.c)
objects  = $(patsubst src/%.c,$(B)/%.o,$(call sources,$(1)))
archive  = $(B)/$(1).a
# the layers from $(1) downwards
below    = $(if $(filter $(1),$(LAYERS)),$(shell echo $(LAYERS) | sed 's/.*\b\($(1)\b.*\)/\1/'))

all: $(PROGRAM)

$(PROGRAM): $(B)/main.o $(foreach l,$(LAYERS),$(call archive,$(l)))
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

define layer_rule
$(call archive,$(1)): $(call objects,$(1))
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

$(B)/%.o: src/%.c config.mk | $(B)/gen/store_sql.h
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# sql/ becomes C strings: queries by name, migrations as a table.
SQL := $(sort $(wildcard sql/queries/*.sql)) $(sort $(wildcard sql/migrations/*.sql))
$(B)/gen/store_sql.h: sql/embed.awk $(SQL)
	@mkdir -p $(@D)
	$(call say,SQL)
	$(Q)awk -f sql/embed.awk $(SQL) > $@.tmp && mv $@.tmp $@
$(B)/store/%.o $(B)/keeper/%.o $(B)/record/%.o $(B)/api/%.o $(B)/janitor/%.o $(B)/check/%.o: $(B)/gen/store_sql.h

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# --- configure ---------------------------------------------------------------
config.mk: config.mk.in config.status
	./config.status
config.status: configure
	./configure --sysconfdir=/etc $(CONFIGURE_FLAGS) || { rm -f config.status; exit 1; }
configure: configure.ac
	@command -v autoconf >/dev/null || { echo 'autoconf is missing: run `make deps` first' >&2; exit 1; }
	autoconf

# --- tests -------------------------------------------------------------------
# t/unit/LAYER_topic.c is linked with LAYER and what is below it.
UNIT_SRC  := $(wildcard t/unit/*.c)
UNIT_BIN  := $(patsubst t/unit/%.c,$(B)/t/unit/%.t,$(UNIT_SRC))
unit_layer = $(firstword $(subst _, ,$(notdir $(basename $(1)))))
define unit_rule
$(patsubst t/unit/%.c,$(B)/t/unit/%.t,$(1)): $(1) $(wildcard t/unit/*.h) $(foreach l,$(call below,$(call unit_layer,$(1))),$(call archive,$(l))) | $(B)/gen/store_sql.h
	@mkdir -p $$(@D)
	$$(call say,TEST)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -It/unit $$(ALL_LDFLAGS) -o $$@ $$(filter-out %.h,$$^) $$(LIBS)
endef
$(foreach s,$(UNIT_SRC),$(eval $(call unit_rule,$(s))))

unit: $(UNIT_BIN)

JOBS ?= 4
PROVE = DBBAT_PROGRAM=$(abspath $(PROGRAM)) DBBAT_BUILD=$(abspath $(B)) prove -It/lib -j$(JOBS) $(PROVE_FLAGS)

check: deps
	$(MAKE) WERROR=1 all unit
	$(MAKE) WERROR=1 check-only

# The tests alone, on what is built.
check-only: $(PROGRAM) $(UNIT_BIN)
	$(PROVE) $(if $(T),$(T),$(UNIT_BIN) $(sort $(wildcard t/*.t t/e2e/*.t)))

# Other people's clients, installed on demand (pip, npm, apt-get); not part of check.
check-clients: deps
	$(MAKE) WERROR=1 all
	t/clients/install.sh $(abspath $(B))/clients
	$(PROVE) t/clients/clients.t

# Against PostgreSQL itself and PgBouncer, in a few minutes; t/bench/README has the long version.
bench: deps
	contrib/deps.sh pgbouncer
	$(MAKE) all $(B)/t/bench/floor
	DBBAT_PROGRAM=$(abspath $(PROGRAM)) DBBAT_BUILD=$(abspath $(B)) t/bench/bench.pl $(BENCH_FLAGS)

$(B)/t/bench/floor: t/bench/floor.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<

# --- fuzzing: t/fuzz/LAYER_topic.c is one libFuzzer target (clang) -------------
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(wildcard t/fuzz/*.c)
fuzz: $(B)/gen/store_sql.h
	@command -v clang >/dev/null || { echo 'clang is missing: apt-get install clang libclang-rt-14-dev' >&2; exit 1; }
	@set -e; for s in $(FUZZ_SRC); do \
		l=$$(basename $$s .c); layer=$${l%%_*}; mkdir -p build-fuzz/$$l; \
		srcs=$$(for d in $$(echo $(LAYERS) | sed "s/.*\b\($$layer\b.*\)/\1/"); do \
			case $$layer in wire|policy) case $$d in base|$$layer) ;; *) continue;; esac;; esac; \
			ls src/$$d/*.c; done); \
		echo "== $$l"; \
		clang -std=c11 -D_GNU_SOURCE -Isrc -I$(B)/gen -DDBBAT_VERSION='"$(VERSION)"' -DDBBAT_SYSCONFDIR='"$(sysconfdir)"' \
			-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined $(LIB_CFLAGS) \
			-o build-fuzz/$$l/run $$s $$srcs $(LIBS); \
		mkdir -p build-fuzz/$$l/corpus; \
		build-fuzz/$$l/run -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=0 \
			-artifact_prefix=build-fuzz/$$l/ build-fuzz/$$l/corpus; \
	done

# --- packages, quickstart, install ---------------------------------------------
deps:
	@contrib/deps.sh

quickstart: deps
	$(MAKE) all
	@contrib/quickstart.sh start
quickstart-stop:
	@contrib/quickstart.sh stop

# the program unreadable, so that a process of its account cannot look into it while SIGHUP executes it anew
install: all
	$(INSTALL) -d $(DESTDIR)$(sbindir) $(DESTDIR)$(sysconfdir) $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8 \
		$(DESTDIR)$(docdir) $(DESTDIR)$(prefix)/lib/systemd/system
	$(INSTALL) -m 711 dbbat $(DESTDIR)$(sbindir)/dbbat
	test -e $(DESTDIR)$(sysconfdir)/dbbat.conf || $(INSTALL) -m 640 etc/dbbat.conf $(DESTDIR)$(sysconfdir)/dbbat.conf
	$(INSTALL) -m 644 man/dbbat.8 $(DESTDIR)$(mandir)/man8/dbbat.8
	$(INSTALL) -m 644 man/dbbat.conf.5 $(DESTDIR)$(mandir)/man5/dbbat.conf.5
	$(INSTALL) -m 644 README COPYING $(DESTDIR)$(docdir)/
	sed 's,@sbindir@,$(sbindir),' contrib/systemd/dbbat.service > $(DESTDIR)$(prefix)/lib/systemd/system/dbbat.service

clean:
	rm -rf build build-* dbbat
distclean: clean
	rm -rf autom4te.cache configure configure~ config.mk config.log config.status

.PHONY: all unit check check-only check-clients bench fuzz deps quickstart quickstart-stop install clean distclean
