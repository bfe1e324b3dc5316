#include "server/credentials.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sealgate {
namespace {

bool is_token_byte(unsigned char c) {
  static constexpr auto kAllowed = [] {
    std::array<bool, 256> allowed{};
    for (const char each :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"))
      allowed[static_cast<unsigned char>(each)] = true;
    return allowed;
  }();
  return kAllowed[c];
}

}  // namespace

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer";
  if (!same(authorization.substr(0, kScheme.size()), kScheme)) return {};
  authorization.remove_prefix(kScheme.size());
  const size_t begin = authorization.find_first_not_of(' ');
  if (begin == 0 || begin == authorization.npos) return {};
  const std::string_view token = authorization.substr(begin);
  const std::string_view letters = token.substr(0, token.find_last_not_of('=') + 1);
  return !letters.empty() && std::all_of(letters.begin(), letters.end(), is_token_byte) ? token
                                                                                        : std::string_view();
}

Held Credentials::held(const GrantTable& table, std::string_view authorization, const std::string& subject,
                       int64_t now) {
  Held out;
  if (!subject.empty()) out.by_certificate = table.subject(subject);
  if (authorization.empty()) return out;
  const GrantTable::Token* const shown = token(table, authorization);
  if (shown && shown->expires > now) out.by_token = &shown->grants;
  return out;
}

// An unknown token is not remembered, so that strangers cannot make a connection keep memory.
const GrantTable::Token* Credentials::token(const GrantTable& table, std::string_view authorization) {
  if (shown_ && shown_->table == table.serial() && shown_->authorization == authorization)
    return shown_->token;
  const std::string_view presented = bearer_token(authorization);
  const GrantTable::Token* const found = presented.empty() ? nullptr : table.token(presented);
  if (!found || authorization.size() > kMaxRemembered) return found;
  if (!shown_) shown_ = std::make_unique<Shown>();
  shown_->table = table.serial();
  shown_->authorization = authorization;
  shown_->token = found;
  return found;
}

}  // namespace sealgate
