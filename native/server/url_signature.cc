#include "server/url_signature.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sealgate {
namespace {

constexpr std::string_view kMark = "sg-";
constexpr size_t kMaxKeyId = 64;
constexpr size_t kSignatureBytes = 64;
constexpr size_t kMaxExpiresDigits = 11;

// Where the parts of a target are.
struct Parts {
  size_t path_begin = 0,
         path_end = 0;  // of the parameters in the path, with their tilde and without the slash
  size_t mark = 0;      // of the question mark; the size where there is none
  bool in_path() const { return path_end > 0; }
};

Parts parts_of(std::string_view target, size_t site_path) {
  Parts out;
  out.mark = std::min(target.find('?'), target.size());
  const std::string_view below = target.substr(0, out.mark).substr(std::min(site_path, out.mark));
  if (below.starts_with('~') && below.substr(1).starts_with(kMark)) {
    out.path_begin = site_path;
    out.path_end = std::min(target.find('/', site_path), out.mark);
  }
  return out;
}

// Calls `take` with each parameter of a text.
template <typename Take>
void each_parameter(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_signature(std::string_view text) {
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  return text.size() == kSignatureBytes && std::all_of(text.begin(), text.end(), is_hex);
}

class Reader {
 public:
  explicit Reader(UrlSignature* out) : out_(*out) {}

  void take(std::string_view parameter) {
    any_ = true;
    const size_t equals = parameter.find('=');
    std::string_view* const value = value_of(parameter.substr(0, equals));
    if (!value || value->data() || equals == parameter.npos) {
      good_ = false;
    } else {
      *value = parameter.substr(equals + 1);
    }
  }
  bool any() const { return any_; }
  bool good(size_t path_size) {
    const UrlSignature& said = out_;
    if (!good_ || !is_digits(said.expires) || said.expires.size() > kMaxExpiresDigits) return false;
    if (said.key.empty() || said.key.size() > kMaxKeyId || !is_signature(said.signature)) return false;
    if (said.method.data() && said.method != "GET" && said.method != "HEAD") return false;
    if (said.network.data() && said.network.empty()) return false;
    std::from_chars(said.expires.data(), said.expires.data() + said.expires.size(), out_.end);
    out_.covered = path_size;
    if (!said.prefix.data()) return true;
    if (!is_digits(said.prefix) || said.prefix.size() > 6) return false;
    std::from_chars(said.prefix.data(), said.prefix.data() + said.prefix.size(), out_.covered);
    return out_.covered > 0 && out_.covered <= path_size;
  }

 private:
  std::string_view* value_of(std::string_view name) {
    if (name == "sg-expires") return &out_.expires;
    if (name == "sg-key") return &out_.key;
    if (name == "sg-method") return &out_.method;
    if (name == "sg-network") return &out_.network;
    if (name == "sg-prefix") return &out_.prefix;
    if (name == "sg-signature") return &out_.signature;
    return nullptr;
  }

  UrlSignature& out_;
  bool any_ = false, good_ = true;
};

// --- what a path means to others ---

bool is_encoded_dot_or_slash(std::string_view three) {
  if (three.size() < 3 || three[0] != '%' || three[1] != '2') return false;
  return three[2] == 'e' || three[2] == 'E' || three[2] == 'f' || three[2] == 'F';
}

}  // namespace

Reading read_url_signature(std::string_view target, size_t site_path, UrlSignature* out) {
  const Parts parts = parts_of(target, site_path);
  Reader reader(out);
  bool in_query = false;
  out->before = target.substr(0, parts.mark);
  if (parts.in_path()) {
    const size_t first = parts.path_begin + 1;
    each_parameter(target.substr(first, parts.path_end - first),
                   [&](std::string_view each) { reader.take(each); });
    // Without a slash behind it, nothing below the site is asked for.
    if (parts.path_end == parts.mark) return Reading::malformed;
    out->before = target.substr(0, parts.path_begin);
    out->after = target.substr(parts.path_end + 1, parts.mark - parts.path_end - 1);
  }
  if (parts.mark < target.size())
    each_parameter(target.substr(parts.mark + 1), [&](std::string_view each) {
      if (each.starts_with(kMark)) reader.take(each);
      in_query = in_query || each.starts_with(kMark);
    });
  if (!reader.any()) return Reading::unsigned_;
  if (parts.in_path() && in_query) return Reading::malformed;
  return reader.good(out->before.size() + out->after.size()) ? Reading::whole : Reading::malformed;
}

std::string UrlSignature::text(std::string_view site) const {
  std::string out;
  out.reserve(96 + site.size() + covered);
  out.append("sealgate-url-1\n").append(site).append("\n");
  for (const std::string_view each : {expires, key, method, network}) out.append(each).append("\n");
  out.append(prefix.data() ? "prefix\n" : "path\n");
  out.append(before.substr(0, covered));
  if (covered > before.size()) out.append(after.substr(0, covered - before.size()));
  return out;
}

bool UrlSignature::stays_inside() const {
  if (!prefix.data()) return true;
  const std::string path = std::string(before).append(after);
  for (size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 1)) {
    if (is_encoded_dot_or_slash(std::string_view(path).substr(at))) return false;
  }
  for (std::string_view rest = path;;) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, slash);
    if (segment == "." || segment == "..") return false;
    if (slash == rest.size()) return true;
    rest.remove_prefix(slash + 1);
  }
}

bool UrlSignature::is_for(Method asked) const {
  if (method == "HEAD") return asked == Method::head;
  return asked == Method::get || asked == Method::head;
}

size_t strip_url_signature(char* target, size_t size, size_t site_path) {
  const Parts parts = parts_of({target, size}, site_path);
  size_t kept = parts.mark;
  if (parts.in_path()) {
    const size_t next = std::min(parts.path_end + 1, parts.mark);
    std::memmove(target + parts.path_begin, target + next, parts.mark - next);
    kept -= next - parts.path_begin;
  }
  char join = '?';
  const size_t query = std::min(parts.mark + 1, size);
  each_parameter({target + query, size - query}, [&](std::string_view each) {
    if (each.starts_with(kMark)) return;
    target[kept++] = join;
    std::memmove(target + kept, each.data(), each.size());
    kept += each.size();
    join = '&';
  });
  return kept;
}

std::string without_signatures(std::string_view text) {
  constexpr std::string_view kName = "ignature=";
  std::string out;
  for (size_t at = text.find(kName); at != text.npos; at = text.find(kName)) {
    out.append(text.substr(0, at + kName.size())).append("...");
    text.remove_prefix(at + kName.size());
    text.remove_prefix(std::min(text.find_first_of("&/?#; "), text.size()));
  }
  return out.append(text);
}

}  // namespace sealgate
