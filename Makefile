# Builds the engine (native/) and the TypeScript around it. `make help` lists what there is to do.
SHELL := /bin/bash
CXX ?= g++
B := build

# --- engine -----------------------------------------------------------------------------------------------------
# OpenSSL is linked statically with hidden symbols: node exports an OpenSSL of its own, built without kTLS.
# node-api-headers, not node's own include directory: that one holds node's OpenSSL headers.
SSL_LIBS = $(addprefix $(shell pkg-config --variable=libdir libssl)/,libssl.a libcrypto.a)
LLHTTP := /usr/share/llhttp
WARN := -Wall -Wextra -Werror -Wshadow -Wno-missing-field-initializers
CORE_FLAGS := -std=c++20 -O2 -g -fPIC -fvisibility=hidden $(WARN) -MMD -MP -isystem /usr/share/include/llhttp
NAPI_FLAGS := -isystem node_modules/node-addon-api -isystem node_modules/node-api-headers/include \
  -DNAPI_VERSION=8 -DNAPI_CPP_EXCEPTIONS -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS -DNODE_GYP_MODULE_NAME=sealgate
LINK := -shared -Wl,--version-script=native/exports.map -Wl,--exclude-libs,ALL -Wl,-z,nodelete -Wl,-z,relro,-z,now

# Files that know Node-API are native/addon*.cc; all others are plain C++ and also link into tests and fuzzers.
NAPI_SRC := $(wildcard native/addon*.cc)
CORE_SRC := $(filter-out $(NAPI_SRC),$(wildcard native/*.cc))
LLHTTP_OBJ := $(B)/llhttp/llhttp.o $(B)/llhttp/api.o $(B)/llhttp/http.o
CORE_OBJ := $(CORE_SRC:native/%.cc=$(B)/native/%.o) $(LLHTTP_OBJ)
NAPI_OBJ := $(NAPI_SRC:native/%.cc=$(B)/native/%.o)

$(B)/sealgate.node: $(CORE_OBJ) $(NAPI_OBJ) native/exports.map
	$(CXX) $(LINK) $(CORE_OBJ) $(NAPI_OBJ) -o $@ $(SSL_LIBS) -ldl -pthread

$(NAPI_OBJ): $(B)/native/%.o: native/%.cc
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) $(NAPI_FLAGS) -c $< -o $@
$(filter $(B)/native/%,$(CORE_OBJ)): $(B)/native/%.o: native/%.cc
	@mkdir -p $(@D)
	$(CXX) $(CORE_FLAGS) -c $< -o $@
$(LLHTTP_OBJ): $(B)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -g -fPIC -fvisibility=hidden -I/usr/share/include/llhttp -c $< -o $@

-include $(wildcard $(B)/native/*.d)
