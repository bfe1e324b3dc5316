#include "tls/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <vector>

namespace sealgate {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

BioPtr reader(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

struct OcspFree {
  void operator()(OCSP_RESPONSE* response) const { OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* basic) const { OCSP_BASICRESP_free(basic); }
};

int64_t seconds_of(const ASN1_GENERALIZEDTIME* time) {
  tm utc{};
  return time && ASN1_TIME_to_tm(time, &utc) == 1 ? ::timegm(&utc) : INT64_MAX;
}

// The names in DER, sorted, because certificates list them in any order.
std::vector<std::string> alternative_names(const X509* leaf) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
    unsigned char* der = nullptr;
    const int size = i2d_GENERAL_NAME(sk_GENERAL_NAME_value(all, i), &der);
    if (size > 0) names.emplace_back(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  }
  GENERAL_NAMES_free(all);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

X509Ptr read_leaf(const std::string& pem) {
  return X509Ptr(PEM_read_bio_X509_AUX(reader(pem).get(), nullptr, no_passphrase, nullptr));
}

bool same_names(const X509* a, const X509* b) {
  const std::vector<std::string> names = alternative_names(a);
  return !names.empty() && names == alternative_names(b);
}

bool use_certificate(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = reader(pem);
  const X509Ptr leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr));
  bool ok = leaf && SSL_CTX_use_certificate(context, leaf.get()) == 1;
  while (ok) {
    X509Ptr issuer(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!issuer) {
      ERR_clear_error();  // the end of the file is an error to the PEM reader
      break;
    }
    ok = SSL_CTX_add0_chain_cert(context, issuer.get()) == 1;
    if (ok) (void)issuer.release();
  }
  return ok;
}

bool use_client_ca(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = reader(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  size_t issuers = 0;
  for (; X509Ptr issuer{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)}; issuers++) {
    if (X509_STORE_add_cert(store, issuer.get()) != 1 || SSL_CTX_add_client_CA(context, issuer.get()) != 1)
      return false;
  }
  if (issuers > 0) ERR_clear_error();
  return issuers > 0;
}

bool check_ocsp(const std::string& der, int64_t* until) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<OCSP_RESPONSE, OcspFree> response(
      d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
  if (!response || OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) return false;
  const std::unique_ptr<OCSP_BASICRESP, OcspFree> basic(OCSP_response_get1_basic(response.get()));
  OCSP_SINGLERESP* single = basic ? OCSP_resp_get0(basic.get(), 0) : nullptr;
  if (!single) return false;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  (void)OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next_update);
  *until = seconds_of(next_update);
  return true;
}

std::string peer_subject(const SSL* ssl) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate) return {};
  const BioPtr bio(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return {};
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

}  // namespace sealgate
