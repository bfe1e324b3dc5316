# Builds the engine (native/) and the TypeScript around it. `make help` lists what there is to do.
SHELL := /bin/bash
MAKEFLAGS += --jobs=$(shell nproc)
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build
B := build
NODE := node --import tsx
# make V=1 shows the compilers' command lines.
Q := $(if $(V),,@)

.PHONY: help
help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

# --- what has to be installed -------------------------------------------------------------------------------
# Each list of Debian packages has a stamp; nothing is asked of apt when all of a list is there.
APT := $(B)/apt
NPM := node_modules/.package-lock.json
RUNTIMES := .tools/node_modules/.package-lock.json

.PHONY: setup
setup: $(APT)/native $(APT)/test $(NPM) $(RUNTIMES) ## Installs Debian packages, npm packages, Bun and Deno

$(APT)/%: %/apt-packages.txt test/install-packages.sh
	@mkdir -p $(@D)
	test/install-packages.sh $<
	@touch $@
$(APT)/bench: test/bench/apt-packages.txt test/install-packages.sh
	@mkdir -p $(@D)
	test/install-packages.sh $<
	@touch $@
# Not npm ci: it wants every platform's optional packages in the lock, and a registry may lack some.
$(NPM): package-lock.json
	@version=$$(node --version 2>/dev/null); major=$${version#v}; \
	if [ "$${major%%.*}0" -lt 200 ]; then \
	  echo "Node 20 or newer is needed, found $${version:-none}; README.md says where to get it" >&2; exit 1; fi
	@command -v npm >/dev/null || { echo 'npm is needed; README.md says where to get it' >&2; exit 1; }
	npm install --no-save --no-progress
	@touch $@
# Outside node_modules: Deno would run the npm package's executable as a script if it found it there.
$(RUNTIMES): test/runtimes/package-lock.json
	@mkdir -p .tools
	cp test/runtimes/package.json test/runtimes/package-lock.json .tools/
	npm install --no-save --no-progress --prefix .tools
	@touch $@

# --- engine -------------------------------------------------------------------------------------------------
# OpenSSL and nghttp2 are linked statically with hidden symbols: node exports both, and its OpenSSL was built
# without kTLS.
# nodynamic-undefined-weak: libzstd has hooks that whoever loads it may fill, a runtime too.
# node-api-headers, not node's own include directory: that one holds node's OpenSSL headers.
SSL_DIR = $(shell pkg-config --variable=libdir libssl)
# What the static libcrypto needs besides the C library: nothing on Debian 12, zlib and zstd on Debian 13.
SSL_NEEDS = $(filter-out -lssl -lcrypto -ldl -lpthread,$(shell pkg-config --static --libs-only-l libcrypto))
CODING_LIBS = $(patsubst %,$(SSL_DIR)/lib%.a,brotlienc brotlidec brotlicommon zstd z)
LIBS = $(NGHTTP2) $(addprefix $(SSL_DIR)/,libssl.a libcrypto.a) $(CODING_LIBS) \
  $(SSL_NEEDS:-l%=$(SSL_DIR)/lib%.a) -ldl -pthread
# Debian's libnghttp2.a was made for programs: it refers to the C library's stderr in a way that no shared
# object can. It gets one of ours (server/libraries).
NGHTTP2 := $(B)/libnghttp2.a
# Debian 12 brings llhttp as sources, Debian 13 as a library.
LLHTTP := /usr/share/llhttp
LLHTTP_INCLUDE := -isystem /usr/share/include/llhttp
LLHTTP_LIBRARY = $(shell pkg-config --variable=libdir libllhttp)/libllhttp.a
# Strict mode is a macro up to llhttp 8; later ones are strict unless they are told otherwise at run time.
LLHTTP_FLAGS := -g -fPIC -fvisibility=hidden -DLLHTTP_STRICT_MODE=1 $(LLHTTP_INCLUDE)
WARN := -Wall -Wextra -Werror -Wshadow -Wno-missing-field-initializers
CXXFLAGS := -std=c++20 -g -fPIC -fvisibility=hidden $(WARN) -Inative $(LLHTTP_INCLUDE)
NAPI_FLAGS := -isystem node_modules/node-addon-api -isystem node_modules/node-api-headers/include \
  -DNODE_GYP_MODULE_NAME=sealgate -DNAPI_VERSION=8 -DNAPI_CPP_EXCEPTIONS \
  -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
LINK := -shared -Wl,--version-script=native/exports.map -Wl,--exclude-libs,ALL \
  -Wl,-z,nodelete -Wl,-z,relro,-z,now -Wl,-z,nodynamic-undefined-weak
SANITIZE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# What knows Node-API is in native/node/; all else is plain C++ and links into tests and fuzzers too.
NAPI_SRC := $(wildcard native/node/*.cc)
CORE_SRC := $(wildcard $(patsubst %,native/%/*.cc,base tls http store server))
NAPI_OBJ := $(NAPI_SRC:native/%.cc=$(B)/obj/release/native/%.o)
# $(call core,VARIANT): the objects of all plain C and C++.
core = $(CORE_SRC:native/%.cc=$(B)/obj/$(1)/native/%.o) $(B)/obj/$(1)/llhttp.o

.PHONY: native
native: $(B)/sealgate.node $(B)/symbols ## Builds the engine: build/sealgate.node

# Without the two functions a client could have the server reset streams, and read heads, without end: an
# nghttp2 before 1.57 has them where its distribution mended it.
$(NGHTTP2): Makefile | $(APT)/native
	@echo $@
	@for name in stream_reset_rate_limit max_continuations; do \
	  nm $(SSL_DIR)/libnghttp2.a 2>/dev/null | grep -q "T nghttp2_option_set_$$name$$" || { \
	    echo "libnghttp2.a has no nghttp2_option_set_$$name; install security updates of libnghttp2-dev" >&2; \
	    exit 1; }; done
	@objcopy --redefine-sym stderr=sealgate_nghttp2_stderr $(SSL_DIR)/libnghttp2.a $@

# Replaced in one step: a server may run with the old one.
$(B)/sealgate.node: $(call core,release) $(NAPI_OBJ) native/exports.map $(NGHTTP2)
	@echo $@
	$(Q)$(CXX) $(LINK) $(filter %.o,$^) -o $@.new $(LIBS)
	@mv $@.new $@

# Fails on a symbol that the runtime could provide in another version than we were built with, and on a
# function of ours without a body: what the engine leaves open is of the C and C++ libraries, which have
# versions, or Node-API. Fails also on a symbol that others could bind to.
OPEN_SYMBOLS := @(GLIBC|GLIBCXX|CXXABI|GCC)_| [Uw] (napi_|node_api_)| w (_ITM_|__gmon_start__)
$(B)/symbols: $(B)/sealgate.node
	@if nm -D --undefined-only $< | grep -vE '$(OPEN_SYMBOLS)'; then \
	  echo '$<: each symbol above has to be defined in it; is a library missing in LIBS?' >&2; exit 1; fi
	@if nm -D --defined-only $< | grep -vE ' (napi_register_module_v1|node_api_module_get_api_version_v1)$$'; \
	  then echo '$<: each symbol above has to be hidden; see native/exports.map' >&2; exit 1; fi
	@touch $@

# $(call variant,NAME,C++ compiler,C compiler,flags): how objects of one build variant are made.
define variant
$(B)/obj/$(1)/native/%.o: native/%.cc | $(APT)/native
	@mkdir -p $$(@D)
	@echo $$@
	$$(Q)$(2) $(4) $$(CXXFLAGS) -MMD -MP -c $$< -o $$@
$(B)/obj/$(1)/llhttp.o: Makefile | $(APT)/native
	@mkdir -p $$(@D)/llhttp
	@echo $$@
	$$(Q)if [ ! -e $(LLHTTP)/llhttp.c ]; then ld -r --whole-archive $$(LLHTTP_LIBRARY) -o $$@; else \
	  for name in llhttp api http; do \
	    $(3) $(4) $(LLHTTP_FLAGS) -c $(LLHTTP)/$$$$name.c -o $$(@D)/llhttp/$$$$name.o || exit; \
	  done && ld -r $$(addprefix $$(@D)/llhttp/,llhttp.o api.o http.o) -o $$@; fi
endef
$(eval $(call variant,release,$(CXX),$(CC),-O2))
# GCC warns of uninitialized members that the sanitizers' own code hides from its analysis.
$(eval $(call variant,asan,$(CXX),$(CC),$(SANITIZE) -Wno-maybe-uninitialized))
$(eval $(call variant,fuzz,clang++,clang,$(SANITIZE) -fsanitize=fuzzer-no-link))
$(NAPI_OBJ): CXXFLAGS += $(NAPI_FLAGS)
$(NAPI_OBJ): | $(NPM)

-include $(wildcard $(B)/obj/*/native/*.d $(B)/obj/*/native/*/*.d $(B)/obj/*/native/*/*/*.d)

# --- lmdb ---------------------------------------------------------------------------------------------------
# The package's own build corrupts the heap when a write fails. Its sources are built with the patch, to where
# the package looks first, on each runtime. Without V8's own interface: one build for all of them.
LMDB := node_modules/lmdb
LMDB_NODE := $(LMDB)/build/Release/lmdb.node
LMDB_COPY := $(B)/lmdb
LMDB_C := $(addprefix dependencies/lmdb/libraries/liblmdb/,mdb.c midl.c chacha8.c) dependencies/lz4/lib/lz4.c
LMDB_CXX := lmdb-js writer env compression ordered-binary misc txn dbi cursor v8-functions
LMDB_CXX := $(LMDB_CXX:%=src/%.cpp)
LMDB_OBJ := $(patsubst %,$(B)/obj/lmdb/%.o,$(LMDB_C) $(LMDB_CXX))
LMDB_FLAGS := -O3 -g -fPIC -fvisibility=hidden -w -DMDB_MAXKEYSIZE=0 -DMDB_USE_ROBUST -DNAPI_VERSION=8 \
  -DNAPI_DISABLE_CPP_EXCEPTIONS -DNODE_GYP_MODULE_NAME=lmdb \
  -I$(LMDB_COPY)/dependencies/lmdb/libraries/liblmdb -I$(LMDB_COPY)/dependencies/lz4/lib \
  -I$(LMDB_COPY) -Inode_modules/node-addon-api \
  -Inode_modules/node-api-headers/include

# node_version.h is included and not used.
$(LMDB_COPY)/patched: native/lmdb/failed_writes.patch $(NPM) | $(APT)/native
	@rm -rf $(LMDB_COPY) && mkdir -p $(LMDB_COPY)
	@cp -r $(LMDB)/src $(LMDB)/dependencies $(LMDB_COPY)/
	@patch --quiet --strip=1 --directory=$(LMDB_COPY) <$<
	@touch $(LMDB_COPY)/node_version.h $@
$(B)/obj/lmdb/%.c.o: $(LMDB_COPY)/patched
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CC) $(LMDB_FLAGS) -c $(LMDB_COPY)/$*.c -o $@
$(B)/obj/lmdb/%.cpp.o: $(LMDB_COPY)/patched
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CXX) -std=c++17 $(LMDB_FLAGS) -c $(LMDB_COPY)/$*.cpp -o $@
# Replaced in one step: a server may run with the old one.
$(LMDB_NODE): $(LMDB_OBJ)
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CXX) -shared -pthread $^ -o $@.new
	@mv $@.new $@

# --- native tests and fuzzers -------------------------------------------------------------------------------
TEST_SRC := $(wildcard native/test/*/*_test.cc)
TESTS := $(notdir $(TEST_SRC:.cc=))
FUZZERS := $(patsubst native/fuzz/%.cc,%,$(wildcard native/fuzz/*_fuzz.cc))

.PHONY: native-test native-asan native-fuzz
native-test: $(TESTS:%=$(B)/test/%) ## Builds and runs the C++ tests
	$(NODE) test/run.ts native
native-asan: $(TESTS:%=$(B)/asan/%) ## The same with AddressSanitizer and UBSan
	$(NODE) test/run.ts asan
native-fuzz: $(FUZZERS:%=$(B)/fuzz/%) ## Runs each fuzzer for 20 s
	$(NODE) test/run.ts fuzz

# Thin archives, from which each program takes the objects that it uses: linking all of them took longer than
# compiling them. What only a library refers to has to be named.
FROM_ARCHIVE := -Wl,--undefined=sealgate_nghttp2_stderr
define archive
$(B)/obj/$(1)/core.a: $(call core,$(1))
	@echo $$@
	@rm -f $$@ && ar rcsT $$@ $$^
endef
$(foreach variant,release asan fuzz,$(eval $(call archive,$(variant))))

# $(call linked_test,native/test/FOLDER/NAME.cc): build/test/NAME and build/asan/NAME.
define linked_test
$(B)/test/$(notdir $(1:.cc=)): $(1:%.cc=$(B)/obj/release/%.o) $(B)/obj/release/native/test/main.o \
  $(B)/obj/release/core.a | $(NGHTTP2)
	@mkdir -p $$(@D)
	@echo $$@
	$$(Q)$(CXX) $$(FROM_ARCHIVE) $$^ -o $$@ $$(LIBS)
$(B)/asan/$(notdir $(1:.cc=)): $(1:%.cc=$(B)/obj/asan/%.o) $(B)/obj/asan/native/test/main.o \
  $(B)/obj/asan/core.a | $(NGHTTP2)
	@mkdir -p $$(@D)
	@echo $$@
	$$(Q)$(CXX) $(SANITIZE) $$(FROM_ARCHIVE) $$^ -o $$@ $$(LIBS)
endef
$(foreach source,$(TEST_SRC),$(eval $(call linked_test,$(source))))
$(B)/test/record_client: $(B)/obj/release/native/test/record_client.o $(B)/obj/release/core.a | $(NGHTTP2)
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CXX) $(FROM_ARCHIVE) $^ -o $@ $(LIBS)
$(B)/obj/release/native/request_path.o: test/budget/request_path.cc test/bench/client.h | $(APT)/native
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CXX) -O2 $(CXXFLAGS) -MMD -MP -c $< -o $@
$(B)/test/request_path: $(B)/obj/release/native/request_path.o $(B)/obj/release/core.a | $(NGHTTP2)
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CXX) $(FROM_ARCHIVE) $^ -o $@ $(LIBS)
$(B)/fuzz/%_fuzz: $(B)/obj/fuzz/native/fuzz/%_fuzz.o $(B)/obj/fuzz/core.a | $(APT)/test $(NGHTTP2)
	@mkdir -p $(@D)
	@echo $@
	$(Q)clang++ $(SANITIZE) -fsanitize=fuzzer $(FROM_ARCHIVE) $^ -o $@ $(LIBS)
.SECONDARY:

# --- TypeScript ---------------------------------------------------------------------------------------------
.PHONY: build
build: native $(LMDB_NODE) dist/src/cli.js ## Builds the engine and dist/ (default)

# Few files, with the libraries in them: finding and reading hundreds takes longer than running them. What
# brings an engine or threads of its own stays a package. Types are for `make check` and `make lint`.
BUNDLE := --bundle --splitting --format=esm --platform=node --target=node20 --sourcemap --log-level=warning \
  --outbase=. --outdir=dist --chunk-names=src/[name]-[hash] --external:lmdb --external:piscina
# The libraries that are no ES modules call require().
BUNDLE += --banner:js="import{createRequire as from}from'node:module';const require=from(import.meta.url);"

dist/src/cli.js: $(shell find src workers -name '*.ts') package.json tsconfig.json Makefile $(NPM)
	rm -rf dist
	node_modules/.bin/esbuild src/cli.ts workers/*.ts $(BUNDLE)

# --- checks -------------------------------------------------------------------------------------------------
.PHONY: check test lint format
check: build $(TESTS:%=$(B)/test/%) ## Types, lint, C++ tests and the quick tests on Node: for between edits
	node_modules/.bin/tsc
	node_modules/.bin/biome check --error-on-warnings
	$(NODE) test/run.ts native quick

NATIVE_TESTS = $(addprefix $(B)/test/,record_client request_path $(TESTS))
NATIVE_TESTS += $(TESTS:%=$(B)/asan/%) $(FUZZERS:%=$(B)/fuzz/%)
test: setup build $(NATIVE_TESTS) ## Installs, builds and runs every test there is
	$(NODE) test/run.ts native asan fuzz budget node bun deno ktls-current ktls-old ktls-qemu ktls-new

CXX_FILES = $(wildcard $(foreach end,cc h,native/*/*.$(end) native/test/*/*.$(end) test/*/*.$(end)))
LINTED = $(CORE_SRC:native/%.cc=$(B)/tidy/%)
lint: $(LINTED) $(NPM) $(RUNTIMES) | $(APT)/test ## Types on three runtimes, biome, clang-format, clang-tidy
	node_modules/.bin/tsc
	node_modules/.bin/tsc -p test/runtimes/tsconfig.bun.json
	.tools/node_modules/.bin/deno check --quiet src/cli.ts workers/*.ts test/bench/runtimes/deno.ts
	node_modules/.bin/biome check --error-on-warnings
	clang-format --dry-run -Werror $(CXX_FILES)

$(B)/tidy/%: native/%.cc .clang-tidy $(wildcard native/*/*.h) | $(APT)/native $(APT)/test
	@mkdir -p $(@D)
	@echo clang-tidy $<
	@clang-tidy --quiet $< -- $(CXXFLAGS) 2>$@.log || { cat $@.log >&2; exit 1; }
	@touch $@

format: $(NPM) | $(APT)/test ## Formats everything
	node_modules/.bin/biome check --write
	clang-format -i $(CXX_FILES)

.PHONY: in-kernel
KERNEL ?= new
in-kernel: build $(B)/test/record_client | $(APT)/test ## One test in a kernel: TEST=test/ktls/x.test.ts
	SEALGATE_TEST_BUILD=1 test/kernel/in-kernel.sh $(KERNEL) -- $(NODE) --test $(TEST)

.PHONY: budget
budget: $(B)/test/request_path $(NPM) | $(APT)/test ## Instructions of an answer, against the budget
	$(NODE) test/run.ts budget

.PHONY: debian13
debian13: ## Builds and checks in a fresh Debian 13, as root: some ten minutes
	test/install-packages.sh test/debian-packages.txt
	test/in-debian.sh trixie make check

.PHONY: faults
faults: build ## Every step that writes to disk fails with each error, or is the last before a kill
	FAULTS=all SEALGATE_TEST_BUILD=1 $(NODE) --test test/faults/requests.test.ts \
	  test/faults/import.test.ts test/faults/on_node_alone/collection_and_upgrade.test.ts \
	  test/crash/errors_at_each_call.test.ts

# Also COUNT=500 MINUTES=10 SEED=1.
COUNT = 10000
.PHONY: crash
crash: build ## Kills at every call of what writes to a store, then COUNT=10000 under load: an hour
	CRASH=all $(NODE) --test test/crash/at_each_call.test.ts
	FAULTS=all SEALGATE_TEST_BUILD=1 $(NODE) --test --test-name-pattern='kill|restart' \
	  test/faults/requests.test.ts test/faults/on_node_alone/collection_and_upgrade.test.ts
	COUNT=$(COUNT) $(NODE) --test test/crash/under_load.test.ts

.PHONY: leaks
leaks: build ## A name is overwritten 100,000 times on a server that collects: what it held is given back
	OVERWRITES=100000 SEALGATE_TEST_BUILD=1 $(NODE) --test \
	  test/e2e/on_node_alone/overwrites_leave_nothing.test.ts

.PHONY: replacements
replacements: export REPLACEMENTS = 10
replacements: export CLIENTS = 64
replacements: build ## A server under load is replaced ten times, in three ways on three runtimes
	$(NODE) --test --test-name-pattern='^10 ' test/e2e/replaced_under_load.test.ts
	.tools/node_modules/.bin/bun test --timeout=900000 -t '^10 ' ./test/e2e/replaced_under_load.test.ts
	.tools/node_modules/.bin/deno test -A --no-check --filter '/^10 /' test/e2e/replaced_under_load.test.ts

.PHONY: sharing
sharing: build | $(APT)/test ## Servers over a Ceph that fails, ROUNDS=20 times; then what it costs
	SEALGATE_SHARING_ROUNDS=$(or $(ROUNDS),20) SEALGATE_TEST_BUILD=1 $(NODE) --test \
	  test/sharing/on_node_alone/no_write_is_lost.test.ts
	SEALGATE_TEST_BUILD=1 $(NODE) test/bench/sharing_costs.ts

.PHONY: builds
builds: build | $(APT)/test ## The real Bazel at a build cache; then what a cache costs beside objects
	SEALGATE_TEST_BUILD=1 $(NODE) --test test/builds/*.test.ts
	SEALGATE_TEST_BUILD=1 $(NODE) test/bench/build_cache.ts

.PHONY: power-cuts
power-cuts: build ## A power cut after every call of a store's life, with what a disk may keep: some minutes
	POWER_CUTS=all $(NODE) --test test/faults/on_node_alone/power_cuts.test.ts

# --- use ----------------------------------------------------------------------------------------------------
.PHONY: demo bench bench-all flame clean
demo: build ## Makes demo/ with a certificate and some files, serves it and says how to fetch them
	test/demo.sh demo

BENCH := $(addprefix $(B)/bench/,floor load handshakes evict durable_writes)
bench: build $(BENCH) $(RUNTIMES) $(APT)/bench ## Beside others; SCENARIOS='1k tls,1g'
	$(NODE) test/bench/bench.ts $(BENCH_ARGS) $(if $(SCENARIOS),'$(SCENARIOS)')
bench-all: build $(BENCH) $(RUNTIMES) $(APT)/bench ## Every scenario of the benchmark: about an hour
	$(NODE) test/bench/bench.ts --all $(BENCH_ARGS)

flame: build $(BENCH) $(APT)/bench ## Flame graph of a delivery thread, by perf; OF='100k tls'
	$(NODE) test/bench/flame.ts $(OF)

$(B)/bench/%: test/bench/%.cc $(wildcard test/bench/*.h) | $(APT)/native
	@mkdir -p $(@D)
	@echo $@
	$(Q)$(CXX) -std=c++20 -O2 $(WARN) $< -o $@ $(LIBS)

clean: ## Removes what was built; keeps what was installed
	rm -rf $(B) dist demo
