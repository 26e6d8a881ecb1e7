#include "tests/support/fake_openai.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <sstream>
#include <thread>

namespace repartee::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::chrono::seconds wait_max{10};

std::string chunk_of(const std::string& piece) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  return size + piece + "\r\n";
}

}  // namespace

struct FakeOpenAi::Impl {
  asio::io_context io{1};
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
  mutable std::mutex mutex;
  std::condition_variable changed;
  FakeScript script;
  std::vector<FakeRequest> requests;
  std::size_t connections = 0, closed_by_peer = 0;
  std::thread thread;

  struct Connection : std::enable_shared_from_this<Connection> {
    Connection(Impl& i, tcp::socket s) : impl(i), socket(std::move(s)), timer(socket.get_executor()) {}
    Impl& impl;
    tcp::socket socket;
    asio::steady_timer timer;
    asio::streambuf buffer;
    FakeRequest request;
    FakeScript script;
    std::size_t next_piece = 0;
    std::string out;
    char watched = 0;
    bool answering = false;

    void read() {
      asio::async_read_until(socket, buffer, "\r\n\r\n", [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
        if (!ec) self->read_body(self->parse_head());
      });
    }
    std::size_t parse_head() {
      request = {};
      std::istream in(&buffer);
      std::string line, version;
      in >> request.method >> request.path >> version;
      std::getline(in, line);
      std::size_t length = 0;
      while (std::getline(in, line) && line != "\r") {
        const std::size_t colon = line.find(':');
        std::string name = line.substr(0, colon);
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        std::string value = colon + 2 < line.size() ? line.substr(colon + 2) : "";
        if (value.ends_with('\r')) value.pop_back();
        if (name == "content-length") length = std::stoul(value);
        request.headers[name] = value;
      }
      return length;
    }
    void read_body(std::size_t length) {
      const std::size_t missing = length > buffer.size() ? length - buffer.size() : 0;
      asio::async_read(socket, buffer, asio::transfer_exactly(missing), [self = shared_from_this(), length](const ErrorCode& ec, std::size_t) {
        if (ec) return;
        self->request.body.resize(length);
        std::istream in(&self->buffer);
        in.read(self->request.body.data(), static_cast<std::streamsize>(length));
        self->answer();
      });
    }
    void answer() {
      {
        std::lock_guard lock(impl.mutex);
        impl.requests.push_back(request);
        script = impl.script;
      }
      impl.changed.notify_all();
      next_piece = 0;
      answering = true;
      watch();
      if (script.hang_before_head) return;
      out = "HTTP/1.1 " + std::to_string(script.status) + " Scripted\r\nContent-Type: " + script.content_type + "\r\nTransfer-Encoding: chunked\r\n\r\n";
      write();
    }
    // While an answer is under way the client sends nothing: what can be read is its hanging up.
    void watch() {
      asio::async_read(socket, asio::buffer(&watched, 1), [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
        if (!ec || !self->answering || ec == asio::error::operation_aborted) return;
        {
          std::lock_guard lock(self->impl.mutex);
          ++self->impl.closed_by_peer;
        }
        self->answering = false;
        self->timer.cancel();
        self->impl.changed.notify_all();
      });
    }
    void write() {
      asio::async_write(socket, asio::buffer(out), [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
        if (!ec) self->next();
      });
    }
    void next() {
      if (!answering) return;
      if (next_piece < script.pieces.size()) {
        timer.expires_after(script.piece_delay);
        timer.async_wait([self = shared_from_this()](const ErrorCode& ec) {
          if (ec || !self->answering) return;
          self->out = chunk_of(self->script.pieces[self->next_piece++]);
          self->write();
        });
        return;
      }
      if (script.hang_after_pieces) return;
      answering = false;
      if (script.break_off) {
        ErrorCode ignored;
        socket.close(ignored);
        return;
      }
      out = "0\r\n\r\n";
      asio::async_write(socket, asio::buffer(out), [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
        if (ec) return;
        self->socket.cancel();  // the watching read; the next request begins
        asio::post(self->socket.get_executor(), [self] { self->read(); });
      });
    }
  };

  void accept() {
    acceptor.async_accept([this](const ErrorCode& ec, tcp::socket socket) {
      if (ec) return;
      {
        std::lock_guard lock(mutex);
        ++connections;
      }
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection>(*this, std::move(socket))->read();
      accept();
    });
  }

  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, wait_max, condition);
  }
};

FakeOpenAi::FakeOpenAi() : impl_(std::make_unique<Impl>()) {
  impl_->accept();
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

FakeOpenAi::~FakeOpenAi() {
  impl_->io.stop();
  impl_->thread.join();
}

std::string FakeOpenAi::base_url() const { return "http://127.0.0.1:" + std::to_string(impl_->acceptor.local_endpoint().port()) + "/v1"; }

void FakeOpenAi::set(FakeScript script) {
  std::lock_guard lock(impl_->mutex);
  impl_->script = std::move(script);
}

std::vector<FakeRequest> FakeOpenAi::requests() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

std::size_t FakeOpenAi::connections() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->connections;
}

bool FakeOpenAi::wait_for_requests(std::size_t count) {
  return impl_->wait([&] { return impl_->requests.size() >= count; });
}

bool FakeOpenAi::wait_for_closed_by_peer(std::size_t count) {
  return impl_->wait([&] { return impl_->closed_by_peer >= count; });
}

std::vector<std::string> chat_events(const std::vector<std::string>& texts, bool with_usage) {
  std::vector<std::string> events = {"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n"};
  for (const std::string& text : texts) events.push_back("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text + "\"}}]}\n\n");
  events.push_back("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
  if (with_usage) events.push_back("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":7}}\n\n");
  events.push_back("data: [DONE]\n\n");
  return events;
}

}  // namespace repartee::test
