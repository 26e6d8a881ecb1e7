// Requests to other people's servers, many at once, each streamed and cancellable (libcurl multi on an io_context of its own).
// Thread contract: one thread of its own runs every transfer. fetch() from any thread that may use `loop`; callbacks run on `loop`, never
// from inside fetch(). Destroying the returned handle on that loop cancels: the connection is closed, no callback runs afterwards.
// The client outlives its handles' use: with it destroyed, unfinished requests end without a word.
// Errors: unavailable (no name, no connection, broken half way, TLS not verified), deadline_exceeded, resource_exhausted (too many transfers, a
// body too large), invalid_argument (URL, headers). A status of 500 is a response, not an error. Error texts name the host only: URL,
// headers and bodies may hold secrets, and are never logged.
// Redirects are not followed, only http and https are spoken, certificates are verified, proxies of the environment are ignored.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/loop.hpp"
#include "core/result.hpp"

namespace repartee::pipeline {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Duration connect_timeout = std::chrono::seconds(2);
  Duration idle_timeout = std::chrono::seconds(30);    // no byte received for so long, from the start on
  Duration total_timeout = std::chrono::minutes(2);
  std::size_t body_bytes_max = 16 * 1024 * 1024;       // of the response
};

struct HttpHead {
  int status = 0;
  std::string content_type;                            // as sent, lower case
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
};

struct HttpCallbacks {
  std::function<void(const HttpHead&)> on_head;        // once, before any body
  std::function<void(std::string_view)> on_body;       // in pieces, in order
  std::function<void(Status)> on_end;                  // once; ok: the response came whole
};

struct HttpResponse {
  HttpHead head;
  std::string body;
};

struct HttpClientOptions {
  std::size_t transfers_max = 1024;            // under way at once; beyond: resource_exhausted
  long connections_per_host_max = 256;         // further requests wait
  long idle_connections_max = 64;              // kept open for reuse
  std::string ca_file;                         // certificates to trust; empty: the system's
};

class HttpClient {
 public:
  using Options = HttpClientOptions;
  explicit HttpClient(Options options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  StreamPtr fetch(Loop& loop, HttpRequest request, HttpCallbacks callbacks);
  // The same, the body collected.
  StreamPtr fetch_whole(Loop& loop, HttpRequest request, std::function<void(Result<HttpResponse>)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::pipeline
