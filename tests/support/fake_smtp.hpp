// A mail server for one test at a time: speaks enough SMTP (RFC 5321) to take mails, with STARTTLS (RFC 3207) and AUTH PLAIN (RFC 4616)
// where asked for, and keeps what it got.
// Thread contract: made and destroyed on the test's thread; the members from any.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace repartee::test {

class FakeSmtp {
 public:
  struct Options {
    std::string cert_file, key_file;  // both: STARTTLS is offered
    int refusals = 0;                 // so many times RCPT is answered with `refusal`
    std::string refusal = "450 try later";
  };
  struct Mail {
    bool secured = false;
    std::string auth, from, to, text;
  };

  explicit FakeSmtp(Options options) : options_(std::move(options)), refusals_(options_.refusals) {
    if (!options_.cert_file.empty()) {
      context_ = SSL_CTX_new(TLS_server_method());
      if (SSL_CTX_use_certificate_chain_file(context_, options_.cert_file.c_str()) != 1 ||
          SSL_CTX_use_PrivateKey_file(context_, options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("no certificate");
    }
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 8) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no port");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { work(); });
  }
  ~FakeSmtp() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    close(listener_);
    thread_.join();
    SSL_CTX_free(context_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<Mail> mails() const {
    std::lock_guard lock(mutex_);
    return mails_;
  }
  int connections() const { return connections_; }

 private:
  struct Line {
    int fd;
    SSL* ssl = nullptr;
    std::string in;

    bool read(std::string& line) {
      for (;;) {
        if (const auto end = in.find("\r\n"); end != std::string::npos) {
          line = in.substr(0, end);
          in.erase(0, end + 2);
          return true;
        }
        char bytes[4096];
        const auto got = ssl ? SSL_read(ssl, bytes, sizeof bytes) : static_cast<int>(recv(fd, bytes, sizeof bytes, 0));
        if (got <= 0) return false;
        in.append(bytes, static_cast<std::size_t>(got));
      }
    }
    void say(const std::string& text) {
      const std::string out = text + "\r\n";
      if (ssl) SSL_write(ssl, out.data(), static_cast<int>(out.size()));
      else send(fd, out.data(), out.size(), MSG_NOSIGNAL);
    }
  };

  void work() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) {
        if (stopping_) return;
        continue;
      }
      const timeval patience{10, 0};
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      ++connections_;
      Line line{fd};
      serve(line);
      SSL_free(line.ssl);
      close(fd);
    }
  }

  void serve(Line& peer) {
    Mail mail;
    std::string line;
    peer.say("220 test");
    while (peer.read(line)) {
      const std::string verb = line.substr(0, 4);
      if (verb == "EHLO") {
        peer.say("250-test");
        if (context_ && !peer.ssl) peer.say("250-STARTTLS");
        peer.say("250 AUTH PLAIN");
      } else if (line == "STARTTLS" && context_) {
        peer.say("220 go on");
        peer.ssl = SSL_new(context_);
        SSL_set_fd(peer.ssl, peer.fd);
        if (SSL_accept(peer.ssl) != 1) return;
        mail.secured = true;
      } else if (verb == "AUTH") {
        mail.auth = line.substr(line.rfind(' ') + 1);
        if (mail.auth == "PLAIN") {
          peer.say("334 ");
          if (!peer.read(mail.auth)) return;
        }
        peer.say("235 welcome");
      } else if (verb == "MAIL") {
        mail.from = line;
        peer.say("250 ok");
      } else if (verb == "RCPT") {
        mail.to = line;
        peer.say(refusals_-- > 0 ? options_.refusal : "250 ok");
      } else if (verb == "DATA") {
        peer.say("354 go on");
        while (peer.read(line) && line != ".") mail.text += line + "\n";
        peer.say("250 taken");
        std::lock_guard lock(mutex_);
        mails_.push_back(mail);
      } else if (verb == "QUIT") {
        peer.say("221 bye");
        return;
      } else {
        peer.say("250 ok");
      }
    }
  }

  const Options options_;
  std::atomic<int> refusals_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  unsigned short port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<Mail> mails_;
  std::thread thread_;
};

}  // namespace repartee::test
