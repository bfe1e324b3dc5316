#include "server/credentials.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "server/url_signature.h"

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

bool is_token(std::string_view text) {
  const std::string_view letters = text.substr(0, text.find_last_not_of('=') + 1);
  return !letters.empty() && std::all_of(letters.begin(), letters.end(), is_token_byte);
}

// What follows a scheme and blanks; empty when the scheme is another.
std::string_view after_scheme(std::string_view authorization, std::string_view scheme) {
  if (!same(authorization.substr(0, scheme.size()), scheme)) return {};
  authorization.remove_prefix(scheme.size());
  const size_t begin = authorization.find_first_not_of(' ');
  return begin == 0 || begin == authorization.npos ? std::string_view() : authorization.substr(begin);
}

// Empty when the text is not whole base64 (RFC 4648 4).
std::string from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  const size_t filled = text.find_last_not_of('=') + 1, padding = text.size() - filled;
  if (text.size() % 4 != 0 || filled == 0 || padding > 2) return {};
  const auto* const from = reinterpret_cast<const unsigned char*>(text.data());
  // It skips white space at both ends, which no base64 has.
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), from, static_cast<int>(text.size()));
  if (length != static_cast<int>(out.size())) return {};
  out.resize(out.size() - padding);
  return out;
}

std::string basic_password(std::string_view encoded) {
  const std::string shown = from_base64(encoded);
  const size_t colon = shown.find(':');
  return colon == shown.npos ? std::string() : shown.substr(colon + 1);
}

}  // namespace

std::string shown_token(std::string_view authorization) {
  std::string token(after_scheme(authorization, "Bearer"));
  if (token.empty() && authorization.size() <= kMaxBasicBytes)
    token = basic_password(after_scheme(authorization, "Basic"));
  return is_token(token) ? token : std::string();
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
  const std::string presented = shown_token(authorization);
  const GrantTable::Token* const found = presented.empty() ? nullptr : table.token(presented);
  if (!found || authorization.size() > kMaxRemembered) return found;
  if (!shown_) shown_ = std::make_unique<Shown>();
  shown_->table = table.serial();
  shown_->authorization = authorization;
  shown_->token = found;
  return found;
}

// --- by address and signature ---

namespace {

// A network as a URL writes it: a slash would end a segment of a path.
bool is_from(std::string_view network, std::string_view peer) {
  std::string text(network);
  std::replace(text.begin(), text.end(), '_', '/');
  AddressPrefix prefix;
  in6_addr address{};
  bool is_v4 = false;
  return AddressPrefix::parse(text, &prefix) && parse_address(peer, &address, &is_v4) &&
         network_holds(prefix, address);
}

}  // namespace

Admission Credentials::judge(const Access& access, const GrantTable* table, const Visit& visit) {
  if (access.lists_addresses()) {
    if (judged_ != access.serial() && !visit.forwarded) {
      judged_ = access.serial();
      admitted_ = access.admits(visit.peer);
    }
    if (!(visit.forwarded ? access.admits(visit.peer) : admitted_)) return Admission::address_denied;
  }
  const bool reads = visit.method == Method::get || visit.method == Method::head;
  return access.signing() && reads ? judge_signature(*access.signing(), table, visit) : Admission::open;
}

// What is wrong is not told, except the time, and that only to who has a signature which was right.
Admission Credentials::judge_signature(const Signing& signing, const GrantTable* table, const Visit& visit) {
  UrlSignature said;
  const Reading reading = read_url_signature(visit.target, visit.site_path, &said);
  if (reading == Reading::unsigned_) return signing.required ? Admission::signature_missing : Admission::open;
  if (reading == Reading::malformed || !table) return Admission::signature_invalid;
  const Signing::Key* const named = signing.key(said.key);
  const SigningKey* const key = named ? table->key(named->name) : nullptr;
  if (!key || !said.stays_inside() || !said.is_for(visit.method)) return Admission::signature_invalid;
  if (said.network.data() && !is_from(said.network, visit.peer)) return Admission::signature_invalid;
  if (!proves(*table, *key, said.text(signing.site), said.signature)) return Admission::signature_invalid;
  return visit.now < said.end ? Admission::is_signed : Admission::signature_expired;
}

bool Credentials::proves(const GrantTable& table, const SigningKey& key, std::string text,
                         std::string_view signature) {
  SignatureText right;
  const bool known =
      proven_ && proven_->table == table.serial() && proven_->key == &key && proven_->text == text;
  right = known ? proven_->signature : key.sign(text);
  if (signature.size() != right.size() || CRYPTO_memcmp(signature.data(), right.data(), right.size()) != 0)
    return false;
  if (known || text.size() > kMaxProven) return true;
  if (!proven_) proven_ = std::make_unique<Proven>();
  *proven_ = {table.serial(), &key, std::move(text), right};
  return true;
}

}  // namespace sealgate
