#include "http/chunk_lines.h"

#include <algorithm>
#include <charconv>

#include "http/request_syntax.h"

namespace sealgate {
namespace {

// Whether the text is a quoted-string (RFC 9110 5.6.4).
bool is_quoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '"') return false;
    if (text[i] == '\\' && ++i == text.size()) return false;
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < ' ' && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

// The end of a chunk extension; a quoted value may contain semicolons.
size_t end_of_extension(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\') i++;
    if (!quoted && text[i] == ';') return i;
  }
  return text.size();
}

// Whether the text is chunk-ext (RFC 9112 7.1.1), without the white space that senders must not generate.
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    const std::string_view extension = text.substr(0, end_of_extension(text));
    text.remove_prefix(extension.size());
    const size_t equals = std::min(extension.find('='), extension.size());
    if (!is_token(extension.substr(0, equals))) return false;
    if (equals == extension.size()) continue;
    const std::string_view value = extension.substr(equals + 1);
    if (!is_token(value) && !is_quoted(value)) return false;
  }
  return true;
}

bool is_field(std::string_view line) {
  const size_t colon = line.find(':');
  return colon != std::string_view::npos && is_token(line.substr(0, colon));
}

}  // namespace

void ChunkLines::restart() {
  expect_ = Expect::size;
  line_.clear();
  data_left_ = 0;
}

size_t ChunkLines::before_extension(std::string_view next) const {
  if (data_left_ > 0 || expect_ == Expect::trailer) return next.size();
  const bool size_began = expect_ == Expect::size && !line_.empty() && line_.back() != '\r';
  // The CRLF after the data of a chunk comes before the next size.
  const size_t from = expect_ == Expect::end_of_data ? 2 - std::min<size_t>(line_.size(), 1) : 0;
  const size_t end = next.find_first_of(";\r\n", from);
  if (end == std::string_view::npos || next[end] != ';') return next.size();
  return size_began || end > from ? end : next.size();
}

bool ChunkLines::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return line_.append(bytes), true;
    line_.append(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
    if (line_.empty() || line_.find('\r') != line_.size() - 1) return false;
    line_.pop_back();
    if (!take_line(line_)) return false;
    line_.clear();
  }
  return true;
}

bool ChunkLines::take_line(std::string_view line) {
  if (expect_ == Expect::end_of_data) {
    expect_ = Expect::size;
    return line.empty();
  }
  if (expect_ == Expect::trailer) return line.empty() || is_field(line);
  const size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  data_left_ = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + digits, data_left_, 16);
  expect_ = data_left_ == 0 ? Expect::trailer : Expect::end_of_data;
  return digits > 0 && error == std::errc() && are_extensions(line.substr(digits));
}

}  // namespace sealgate
