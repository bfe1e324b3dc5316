// HTTP dates (RFC 9110 5.6.7): writes the preferred format and reads all three. See representation.h.
#include <time.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>

#include "http/representation.h"

namespace sealgate {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads the text from its start, part by part; `ok` stays false after the first mismatch.
struct Reader {
  std::string_view left;
  bool ok = true;

  void literal(std::string_view expected) {
    ok = ok && left.substr(0, expected.size()) == expected;
    if (ok) left.remove_prefix(expected.size());
  }
  template <size_t N>
  int one_of(const std::array<std::string_view, N>& names) {
    for (size_t i = 0; ok && i < N; i++) {
      if (left.substr(0, names[i].size()) == names[i]) {
        left.remove_prefix(names[i].size());
        return static_cast<int>(i);
      }
    }
    ok = false;
    return 0;
  }
  int digits(size_t count) {
    int value = 0;
    const auto end = left.data() + std::min(count, left.size());
    const auto [at, error] = std::from_chars(left.data(), end, value);
    ok = ok && left.size() >= count && error == std::errc() && at == end && left.front() != '-';
    if (ok) left.remove_prefix(count);
    return value;
  }
  void time(tm& t) {
    t.tm_hour = digits(2);
    literal(":");
    t.tm_min = digits(2);
    literal(":");
    t.tm_sec = digits(2);
  }
};

// IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
bool read_imf(std::string_view text, tm& t) {
  Reader r{text};
  t.tm_wday = r.one_of(kDays);
  r.literal(", ");
  t.tm_mday = r.digits(2);
  r.literal(" ");
  t.tm_mon = r.one_of(kMonths);
  r.literal(" ");
  t.tm_year = r.digits(4) - 1900;
  r.literal(" ");
  r.time(t);
  r.literal(" GMT");
  return r.ok && r.left.empty();
}

// RFC 850: Sunday, 06-Nov-94 08:49:37 GMT. A year more than 50 years ahead is in the past century.
bool read_rfc850(std::string_view text, int64_t now, tm& t) {
  Reader r{text};
  t.tm_wday = r.one_of(kLongDays);
  r.literal(", ");
  t.tm_mday = r.digits(2);
  r.literal("-");
  t.tm_mon = r.one_of(kMonths);
  r.literal("-");
  const int two = r.digits(2);
  r.literal(" ");
  r.time(t);
  r.literal(" GMT");
  const time_t seconds = now;
  tm today{};
  ::gmtime_r(&seconds, &today);
  t.tm_year = today.tm_year / 100 * 100 + two;
  if (t.tm_year > today.tm_year + 50) t.tm_year -= 100;
  return r.ok && r.left.empty();
}

// asctime: Sun Nov  6 08:49:37 1994
bool read_asctime(std::string_view text, tm& t) {
  Reader r{text};
  t.tm_wday = r.one_of(kDays);
  r.literal(" ");
  t.tm_mon = r.one_of(kMonths);
  r.literal(" ");
  const bool one_digit = r.left.substr(0, 1) == " ";
  if (one_digit) r.literal(" ");
  t.tm_mday = r.digits(one_digit ? 1 : 2);
  r.literal(" ");
  r.time(t);
  r.literal(" ");
  t.tm_year = r.digits(4) - 1900;
  return r.ok && r.left.empty();
}

// Rejects dates such as 31 November, which timegm(3) would turn into 1 December.
bool plausible(const tm& t) {
  const std::chrono::year_month_day day{std::chrono::year(t.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(t.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(t.tm_mday))};
  return day.ok() && t.tm_hour <= 23 && t.tm_min <= 59 && t.tm_sec <= 60;
}

char* put(char* out, std::string_view text) {
  return static_cast<char*>(std::memcpy(out, text.data(), text.size())) + text.size();
}

char* put_number(char* out, int value, int digits) {
  for (int i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

}  // namespace

void format_http_date(int64_t seconds, char out[29]) {
  const time_t when = seconds;
  tm t{};
  ::gmtime_r(&when, &t);
  out = put(put(out, kDays[static_cast<size_t>(t.tm_wday)]), ", ");
  out = put(put_number(out, t.tm_mday, 2), " ");
  out = put(put(out, kMonths[static_cast<size_t>(t.tm_mon)]), " ");
  out = put(put_number(out, t.tm_year + 1900, 4), " ");
  out = put(put_number(out, t.tm_hour, 2), ":");
  out = put(put_number(out, t.tm_min, 2), ":");
  put(put_number(out, t.tm_sec, 2), " GMT");
}

bool parse_http_date(std::string_view text, int64_t now, int64_t* seconds) {
  tm t{};
  if (!read_imf(text, t) && !read_rfc850(text, now, t) && !read_asctime(text, t)) return false;
  if (!plausible(t)) return false;
  *seconds = ::timegm(&t);
  return true;
}

}  // namespace sealgate
