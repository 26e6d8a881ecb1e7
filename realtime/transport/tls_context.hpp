// TLS for the server: version 1.2 or newer, PEM files.
// Thread contract: the function from any thread; the context is read-only afterwards.
#pragma once
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "core/result.hpp"

namespace repartee::transport {

Result<std::shared_ptr<boost::asio::ssl::context>> load_tls_context(const std::string& cert_file, const std::string& key_file);

}  // namespace repartee::transport
