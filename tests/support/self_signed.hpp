// A certificate for localhost made on the spot, as PEM files in a directory that goes away with it.
// Thread contract: values only.
#pragma once
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace repartee::test {

class SelfSigned {
 public:
  SelfSigned() {
    char name[] = "/tmp/repartee-tls-XXXXXX";
    if (!::mkdtemp(name)) ADD_FAILURE() << "no temporary directory";
    directory_ = name;
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME* subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(cert, key, EVP_sha256());
    write(cert_file(), [&](std::FILE* file) { PEM_write_X509(file, cert); });
    write(key_file(), [&](std::FILE* file) { PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(cert);
    EVP_PKEY_free(key);
  }
  ~SelfSigned() { std::filesystem::remove_all(directory_); }
  SelfSigned(const SelfSigned&) = delete;
  SelfSigned& operator=(const SelfSigned&) = delete;

  std::string cert_file() const { return directory_ + "/cert.pem"; }
  std::string key_file() const { return directory_ + "/key.pem"; }

 private:
  template <class Action>
  static void write(const std::string& path, Action&& action) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (!file) return ADD_FAILURE() << "cannot write " << path, void();
    action(file);
    std::fclose(file);
  }
  std::string directory_;
};

}  // namespace repartee::test
