// The harness of the C++ tests: each native/test/X_test.cc is one program that includes this once. It runs
// every TEST, prints each failed check with its place and both values, and ends with the line
// `N passed, N failed`, which test/outcomes.ts reads; a skip is the line `skipped: name: reason`.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*body)();
};

struct State {
  std::vector<Case> cases;
  std::vector<std::string> contexts;  // what the running test is looking at, outermost first
  const char* running = "";
  int failures = 0;  // of the running test
  bool skipped = false;
};

inline State& state() {
  static State instance;
  return instance;
}

struct Registration {
  Registration(const char* name, void (*body)()) { state().cases.push_back({name, body}); }
};

// Names the example at hand for as long as it lives; printed with each failure.
class Context {
 public:
  explicit Context(std::string_view text) { state().contexts.emplace_back(text); }
  ~Context() { state().contexts.pop_back(); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
    } else {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
      out.append(escape);
    }
  }
  return out + "\"";
}

template <typename T>
std::string shown(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else {
    return quoted(std::string_view(value));
  }
}

template <typename A, typename B>
bool equal(const A& a, const B& b) {
  if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && !std::is_same_v<A, bool>) {
    return std::cmp_equal(a, b);
  } else if constexpr (std::is_convertible_v<A, std::string_view>) {
    return std::string_view(a) == std::string_view(b);
  } else {
    return a == b;
  }
}

inline void fail(const char* file, int line, const std::string& what) {
  state().failures++;
  std::printf("%s:%d: %s: %s\n", file, line, state().running, what.c_str());
  for (const std::string& context : state().contexts) std::printf("  in %s\n", quoted(context).c_str());
}

template <typename A, typename B>
void expect_equal(const char* file, int line, const char* expression, const A& actual, const B& expected) {
  if (equal(actual, expected)) return;
  fail(file, line,
       std::string(expression) + "\n  is      " + shown(actual) + "\n  must be " + shown(expected));
}

inline int run_all() {
  int passed = 0, failed = 0;
  for (const Case& each : state().cases) {
    state().running = each.name;
    state().failures = 0;
    state().skipped = false;
    each.body();
    if (state().failures > 0) {
      failed++;
    } else if (!state().skipped) {
      passed++;
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}

}  // namespace check

#define CHECK_PASTE_(a, b) a##b
#define CHECK_JOIN_(a, b) CHECK_PASTE_(a, b)

// TEST("what must hold") { ... }
#define TEST(name) CHECK_TEST_(name, CHECK_JOIN_(test_at_line_, __LINE__))
#define CHECK_TEST_(name, function)                                                    \
  static void function();                                                              \
  static const check::Registration CHECK_JOIN_(function, _registered)(name, function); \
  static void function()

#define CHECK(condition) ((condition) ? void() : check::fail(__FILE__, __LINE__, #condition " does not hold"))
#define CHECK_EQ(actual, expected) check::expect_equal(__FILE__, __LINE__, #actual, (actual), (expected))
// For what the rest of the test rests on.
#define REQUIRE(condition)                                          \
  do {                                                              \
    if (!(condition)) {                                             \
      check::fail(__FILE__, __LINE__, #condition " does not hold"); \
      return;                                                       \
    }                                                               \
  } while (false)
#define SKIP(reason)                                                                       \
  do {                                                                                     \
    check::state().skipped = true;                                                         \
    std::printf("skipped: %s: %s\n", check::state().running, std::string(reason).c_str()); \
    return;                                                                                \
  } while (false)

int main() { return check::run_all(); }
