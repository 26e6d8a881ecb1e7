#include "realtime/transport/tls_context.hpp"

namespace repartee::transport {

Result<std::shared_ptr<boost::asio::ssl::context>> load_tls_context(const std::string& cert_file, const std::string& key_file) {
  namespace ssl = boost::asio::ssl;
  if (cert_file.empty() || key_file.empty()) { return Error{Errc::invalid_argument, "TLS needs both a certificate file and a key file"}; }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                       ssl::context::no_tlsv1_1 | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps 34 KB less
  boost::system::error_code ec;
  context->use_certificate_chain_file(cert_file, ec);
  if (ec) return Error{Errc::invalid_argument, "cannot read the TLS certificate " + cert_file + ": " + ec.message()};
  context->use_private_key_file(key_file, ssl::context::pem, ec);
  if (ec) return Error{Errc::invalid_argument, "cannot read the TLS key " + key_file + ": " + ec.message()};
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return Error{Errc::invalid_argument, "the TLS key " + key_file + " does not belong to the certificate " + cert_file};
  }
  return context;
}

}  // namespace repartee::transport
