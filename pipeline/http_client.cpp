#include "pipeline/http_client.hpp"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>
#include <thread>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

namespace asio = boost::asio;

// What a handle, its transfer and the callbacks posted to the loop share.
struct Call {
  Call(Loop& l, HttpCallbacks c) : loop(l), callbacks(std::move(c)) {}
  Loop& loop;
  HttpCallbacks callbacks;             // this and the next: touched on the loop only
  bool running = false;
  std::atomic<bool> cancelled{false};  // set on the loop; read everywhere
};
using CallPtr = std::shared_ptr<Call>;

// Runs one callback on the loop. The callbacks, and what they captured, are destroyed on the loop too: at the end, or when the handle goes,
// but never under a callback that is running.
template <class Callback>
void run_callback(Call& call, const Callback& callback) {
  if (call.cancelled) return;
  call.running = true;
  callback();
  call.running = false;
  if (call.cancelled) call.callbacks = {};
}

void deliver_head(const CallPtr& call, HttpHead head) {
  call->loop.post([call, head = std::move(head)] {
    run_callback(*call, [&] {
      if (call->callbacks.on_head) call->callbacks.on_head(head);
    });
  });
}

void deliver_body(const CallPtr& call, std::string bytes) {
  call->loop.post([call, bytes = std::move(bytes)] {
    run_callback(*call, [&] {
      if (call->callbacks.on_body) call->callbacks.on_body(bytes);
    });
  });
}

void deliver_end(const CallPtr& call, Status status) {
  if (call->cancelled) return;
  call->loop.post([call, status = std::move(status)] {
    run_callback(*call, [&] {
      call->cancelled = true;
      if (call->callbacks.on_end) call->callbacks.on_end(status);
    });
  });
}

long milliseconds(Duration d) { return static_cast<long>(std::clamp<std::int64_t>(to_ms(d), 1, 24 * 3600 * 1000)); }

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string host_of(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK || curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) return {};
  std::string result = host;
  curl_free(host);
  return result;
}

// One request on the client's thread.
struct Transfer {
  Transfer(asio::io_context& io, CallPtr c, HttpRequest r) : call(std::move(c)), request(std::move(r)), host(host_of(request.url)), idle(io) {}
  ~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CallPtr call;
  HttpRequest request;
  std::string host;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  HttpHead head;
  bool head_sent = false;
  bool body_too_large = false;
  std::size_t body_bytes = 0;
  TimePoint last_byte = SteadyClock::now();
  asio::steady_timer idle;

  void send_head() {
    if (head_sent) return;
    head_sent = true;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    head.status = static_cast<int>(status);
    for (const auto& [name, value] : head.headers) {
      if (name == "content-type") head.content_type = to_lower(value);
    }
    deliver_head(call, std::move(head));
  }
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last_byte = SteadyClock::now();
  const std::string_view line = trim({data, size});
  if (line.starts_with("HTTP/")) {
    transfer.head.headers.clear();  // those before were of a 1xx response
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.head.headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return size;
}

std::size_t on_data(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last_byte = SteadyClock::now();
  transfer.body_bytes += size;
  if (transfer.body_bytes > transfer.request.body_bytes_max) {
    transfer.body_too_large = true;
    return 0;
  }
  transfer.send_head();
  deliver_body(transfer.call, std::string(data, size));
  return size;
}

Error error_of(CURLcode code, const Transfer& transfer) {
  const std::string at = transfer.host.empty() ? "" : transfer.host + ": ";
  if (transfer.body_too_large) return {Errc::resource_exhausted, at + "the response is larger than " + std::to_string(transfer.request.body_bytes_max) + " bytes"};
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return {Errc::invalid_argument, "not a usable http or https address"};
    case CURLE_OPERATION_TIMEDOUT: {
      double connected_s = 0;
      curl_easy_getinfo(transfer.easy, CURLINFO_CONNECT_TIME, &connected_s);
      if (connected_s <= 0) return {Errc::unavailable, at + "no connection in time"};
      return {Errc::deadline_exceeded, at + "no complete response in time"};
    }
    default: return {Errc::unavailable, at + curl_easy_strerror(code)};
  }
}

void curl_start_once() {
  static std::once_flag started;  // libcurl's own global state, which it wants initialised once before threads
  std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

// Everything but `io`, `guard` and `under_way` is touched on the thread only.
struct HttpClient::Impl {
  explicit Impl(Options o);
  ~Impl();

  void start(std::unique_ptr<Transfer> transfer);
  Status prepare(Transfer& transfer);
  void cancel(const CallPtr& call);
  void finish(CURL* easy, Status status);
  void watch_idle(Transfer& transfer);

  struct Socket {
    Socket(asio::io_context& context, curl_socket_t fd) : descriptor(context, fd) {}
    asio::posix::stream_descriptor descriptor;
    int wanted = 0;
    bool reading = false, writing = false;
  };
  void on_socket(curl_socket_t fd, int what);
  void arm(curl_socket_t fd, const std::shared_ptr<Socket>& socket);
  void on_ready(curl_socket_t fd, const std::shared_ptr<Socket>& socket, int event);
  void on_timer(long after_ms);
  void act(curl_socket_t fd, int events);

  const Options options;
  std::atomic<std::size_t> under_way{0};
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  asio::steady_timer timer{io};
  CURLM* multi = nullptr;
  std::map<curl_socket_t, std::shared_ptr<Socket>> sockets;
  std::map<CURL*, std::unique_ptr<Transfer>> transfers;
  std::thread thread;
};

HttpClient::Impl::Impl(Options o) : options(std::move(o)) {
  curl_start_once();
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, +[](CURL*, curl_socket_t fd, int what, void* self, void*) {
    static_cast<Impl*>(self)->on_socket(fd, what);
    return 0;
  });
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, +[](CURLM*, long after_ms, void* self) {
    static_cast<Impl*>(self)->on_timer(after_ms);
    return 0;
  });
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, options.connections_per_host_max);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, options.idle_connections_max);
  thread = std::thread([this] {
    pthread_setname_np(pthread_self(), "http-client");
    io.run();
  });
}

HttpClient::Impl::~Impl() {
  io.stop();
  thread.join();
  for (auto& [easy, transfer] : transfers) curl_multi_remove_handle(multi, easy);
  transfers.clear();
  curl_multi_cleanup(multi);  // closes the idle connections, which calls on_socket
  for (auto& [fd, socket] : sockets) socket->descriptor.release();
}

Status HttpClient::Impl::prepare(Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  transfer.easy = curl_easy_init();
  CURL* easy = transfer.easy;
  if (easy == nullptr) return Error{Errc::resource_exhausted, "no memory for a request"};
  for (const auto& [name, value] : request.headers) {
    if (!is_header_text(name) || !is_header_text(value)) return Error{Errc::invalid_argument, "a header holds a line break"};
    transfer.headers = curl_slist_append(transfer.headers, (value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  transfer.headers = curl_slist_append(transfer.headers, "Expect:");  // never wait for 100-continue
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);  // so that a cancel closes the connection, and with it the work behind it
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // without it a cancel waits for a name being resolved
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(request.total_timeout));
  if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
  return {};
}

void HttpClient::Impl::start(std::unique_ptr<Transfer> transfer) {
  if (transfer->call->cancelled) {
    --under_way;
    return;
  }
  if (Status ready = prepare(*transfer); !ready) {
    deliver_end(transfer->call, ready);
    --under_way;
    return;
  }
  CURL* easy = transfer->easy;
  watch_idle(*transfer);
  transfers.emplace(easy, std::move(transfer));
  curl_multi_add_handle(multi, easy);
}

void HttpClient::Impl::watch_idle(Transfer& transfer) {
  transfer.idle.expires_at(transfer.last_byte + transfer.request.idle_timeout);
  transfer.idle.async_wait([this, easy = transfer.easy](const boost::system::error_code& ec) {
    const auto found = transfers.find(easy);
    if (ec || found == transfers.end()) return;
    Transfer& mine = *found->second;
    if (SteadyClock::now() < mine.last_byte + mine.request.idle_timeout) return watch_idle(mine);
    finish(easy, Error{Errc::deadline_exceeded, mine.host + ": silent for too long"});
  });
}

void HttpClient::Impl::cancel(const CallPtr& call) {
  for (auto& [easy, transfer] : transfers) {
    if (transfer->call == call) return finish(easy, Error{Errc::cancelled, "cancelled"});
  }
}

void HttpClient::Impl::finish(CURL* easy, Status status) {
  const auto found = transfers.find(easy);
  if (found == transfers.end()) return;
  const std::unique_ptr<Transfer> transfer = std::move(found->second);
  transfers.erase(found);
  curl_multi_remove_handle(multi, easy);
  if (status.ok()) transfer->send_head();
  deliver_end(transfer->call, std::move(status));
  --under_way;
}

void HttpClient::Impl::on_socket(curl_socket_t fd, int what) {
  auto found = sockets.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == sockets.end()) return;
    found->second->wanted = 0;
    found->second->descriptor.release();  // libcurl owns the descriptor
    sockets.erase(found);
    return;
  }
  if (found == sockets.end()) found = sockets.emplace(fd, std::make_shared<Socket>(io, fd)).first;
  found->second->wanted = what;
  arm(fd, found->second);
}

void HttpClient::Impl::arm(curl_socket_t fd, const std::shared_ptr<Socket>& socket) {
  if ((socket->wanted & CURL_POLL_IN) != 0 && !socket->reading) {
    socket->reading = true;
    socket->descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [this, fd, socket](const boost::system::error_code& ec) {
      socket->reading = false;
      if (!ec && (socket->wanted & CURL_POLL_IN) != 0) on_ready(fd, socket, CURL_CSELECT_IN);
    });
  }
  if ((socket->wanted & CURL_POLL_OUT) != 0 && !socket->writing) {
    socket->writing = true;
    socket->descriptor.async_wait(asio::posix::stream_descriptor::wait_write, [this, fd, socket](const boost::system::error_code& ec) {
      socket->writing = false;
      if (!ec && (socket->wanted & CURL_POLL_OUT) != 0) on_ready(fd, socket, CURL_CSELECT_OUT);
    });
  }
}

void HttpClient::Impl::on_ready(curl_socket_t fd, const std::shared_ptr<Socket>& socket, int event) {
  act(fd, event);
  const auto found = sockets.find(fd);
  if (found != sockets.end() && found->second == socket) arm(fd, socket);
}

void HttpClient::Impl::on_timer(long after_ms) {
  timer.cancel();
  if (after_ms < 0) return;
  timer.expires_after(Millis(after_ms));
  timer.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) act(CURL_SOCKET_TIMEOUT, 0);
  });
}

void HttpClient::Impl::act(curl_socket_t fd, int events) {
  int running = 0, left = 0;
  curl_multi_socket_action(multi, fd, events, &running);
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = transfers.find(easy);
    if (found != transfers.end()) finish(easy, code == CURLE_OK ? Status{} : Status{error_of(code, *found->second)});
  }
}

namespace {

class FetchHandle final : public Stream {
 public:
  FetchHandle(CallPtr call, std::function<void(const CallPtr&)> cancel) : call_(std::move(call)), cancel_(std::move(cancel)) {}
  ~FetchHandle() override {
    if (call_->cancelled.exchange(true)) return;  // it has ended: nothing is under way, and the client may be gone
    if (!call_->running) call_->callbacks = {};
    cancel_(call_);
  }

 private:
  CallPtr call_;
  std::function<void(const CallPtr&)> cancel_;
};

}  // namespace

HttpClient::HttpClient(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

StreamPtr HttpClient::fetch(Loop& loop, HttpRequest request, HttpCallbacks callbacks) {
  Impl* impl = impl_.get();
  auto call = std::make_shared<Call>(loop, std::move(callbacks));
  auto handle = std::make_unique<FetchHandle>(call, [impl](const CallPtr& c) { asio::post(impl->io, [impl, c] { impl->cancel(c); }); });
  if (impl->under_way.fetch_add(1) >= impl->options.transfers_max) {
    --impl->under_way;
    deliver_end(call, Error{Errc::resource_exhausted, "too many requests are under way"});
    return handle;
  }
  auto transfer = std::make_shared<std::unique_ptr<Transfer>>(std::make_unique<Transfer>(impl->io, std::move(call), std::move(request)));
  asio::post(impl->io, [impl, transfer] { impl->start(std::move(*transfer)); });
  return handle;
}

StreamPtr HttpClient::fetch_whole(Loop& loop, HttpRequest request, std::function<void(Result<HttpResponse>)> done) {
  auto response = std::make_shared<HttpResponse>();
  return fetch(loop, std::move(request),
               {.on_head = [response](const HttpHead& head) { response->head = head; },
                .on_body = [response](std::string_view bytes) { response->body += bytes; },
                .on_end =
                    [response, done = std::move(done)](Status status) {
                      if (!status) return done(status.error());
                      done(std::move(*response));
                    }});
}

}  // namespace repartee::pipeline
