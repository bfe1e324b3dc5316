// Fuzzes what decides whose plan answers a request: the mount, the key, the bearer token and the signature of
// a URL. Input: three lines, the authority, the target and the value of Authorization.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <algorithm>

#include "server/credentials.h"
#include "server/plan_key.h"
#include "server/url_signature.h"

namespace sealgate {
namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "site_fuzz: %s\n", what);
  std::abort();
}

const std::vector<Mount>& mounts() {
  static const std::vector<Mount> all = {
      {1, "*", "/", true, {}},        {2, "*", "/a/", false, {"v"}}, {3, "a.b", "/", true, {"v", "part"}},
      {4, "*.b", "/a/", true, {"v"}}, {5, "*.a.b", "/", true, {}},   {6, "b", "/a/a/", true, {}},
      {7, "a.b", "/a/", true, {"v"}},
  };
  return all;
}

// --- which mount, said in the simplest way

std::string host_of(std::string authority) {
  const size_t colon = authority.rfind(':');
  if (colon != authority.npos && std::all_of(authority.begin() + static_cast<std::ptrdiff_t>(colon) + 1,
                                             authority.end(), [](char c) { return c >= '0' && c <= '9'; }))
    authority.resize(colon);
  if (authority.ends_with('.')) authority.pop_back();
  if (authority.size() > 255) return "";
  for (char& c : authority) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return authority;
}

// How well a mount fits: 0: not at all.
size_t fit(const Mount& mount, const std::string& host, std::string_view path) {
  if (!path.starts_with(mount.path)) return 0;
  if (mount.host == "*") return mount.path.size();
  const bool pattern = mount.host.starts_with("*.");
  const bool fits =
      pattern ? host.size() >= mount.host.size() && host.ends_with(mount.host.substr(1)) : host == mount.host;
  return fits ? (pattern ? 1'000 : 100'000) + 20 * mount.host.size() + mount.path.size() : 0;
}

const Mount* best(std::string_view authority, std::string_view target) {
  const std::string host = host_of(std::string(authority));
  const std::string_view path = target == "*" ? "/" : target;
  const Mount* out = nullptr;
  for (const Mount& mount : mounts()) {
    if (fit(mount, host, path) > (out ? fit(*out, host, path) : 0)) out = &mount;
  }
  return out;
}

// --- what an application reads of a query

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

// The path as it was sent, and each parameter that the mount names, decoded.
std::vector<std::string> seen_by_application(const Mount& mount, std::string_view target) {
  const size_t mark = target.find('?');
  std::vector<std::string> out = {std::string(target.substr(0, mark))};
  if (mark == target.npos) return out;
  for (std::string_view rest = target.substr(mark + 1);;) {
    const size_t end = rest.find('&');
    const std::string_view parameter = rest.substr(0, end);
    const std::string name = decoded(parameter.substr(0, parameter.find('=')));
    const auto& named = mount.parameters;
    if (std::find(named.begin(), named.end(), name) != named.end()) out.push_back(decoded(parameter));
    if (end == rest.npos) return out;
    rest.remove_prefix(end + 1);
  }
}

void fuzz_signature(const Mount& mount, std::string_view target) {
  UrlSignature said;
  const Reading reading = read_url_signature(target, mount.path.size(), &said);
  std::string left(target);
  left.resize(strip_url_signature(left.data(), left.size(), mount.path.size()));
  must(left.size() <= target.size(), "a target without its signature is no longer");
  if (reading != Reading::whole) return;
  const std::string path = std::string(said.before).append(said.after);
  must(left.starts_with(mount.path), "it is below the path of its mount");
  must(left.substr(0, left.find('?')) == path, "its path is the one that is signed");
  must(said.covered > 0 && said.covered <= path.size(), "what is covered is part of the path");
  must(said.text("site").ends_with("\n" + path.substr(0, said.covered)), "and so is signed");
  UrlSignature none;
  const bool again = read_url_signature(left, mount.path.size(), &none) != Reading::unsigned_;
  must(!again || path.substr(mount.path.size()).starts_with("~sg-"),
       "no signature is left but of a path so named");
  must(without_signatures(target).find(said.signature) == std::string::npos ||
           path.find(said.signature) != path.npos || left.find(said.signature) != left.npos,
       "logs have no signature");
}

void fuzz(std::string_view input) {
  std::string_view lines[3];
  for (std::string_view& line : lines) {
    line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
  }
  const auto [authority, target, authorization] = lines;
  static const MountTable table(mounts());
  const Mount* const mount = table.find(authority, target);
  must(mount ? best(authority, target) && mount->id == best(authority, target)->id : !best(authority, target),
       "the mount is the one that fits best");
  for (const Mount& each : mounts()) {
    std::string memory, again;
    const PlanKey key = plan_key(each, target, memory);
    must(key.mount == each.id, "a key is of its mount");
    must(key.text.size() <= target.size(), "a key is no longer than its target");
    must(plan_key(each, key.text, again) == key, "the key of a key is itself");
    must(seen_by_application(each, key.text) == seen_by_application(each, target),
         "targets of one key are the same to the application");
    if (target.starts_with(each.path)) fuzz_signature(each, target);
  }
  const std::string token = shown_token(authorization);
  must(token.size() <= authorization.size(), "a token is no longer than its field");
  must(token.find_first_of(" ,\t\"") == token.npos, "a token is one word");
}

}  // namespace
}  // namespace sealgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealgate::fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
