// Hands mails to a mail server by SMTP (libcurl), with STARTTLS or TLS, certificates verified. One thread, a bounded queue; a mail that is
// refused for the moment is tried again a few times. Nobody's mailbox is flooded: an address gets so many mails an hour, the rest is dropped.
// Thread contract: send() from any thread. The destructor tries what is queued for `drain`, then gives up.
#pragma once
#include <memory>

#include "api/mailer.hpp"
#include "core/clock.hpp"
#include "core/metrics.hpp"

namespace repartee::api {

class SmtpMailer final : public Mailer {
 public:
  enum class Security { starttls, tls, none };
  struct Options {
    std::string server;  // host:port
    Security security = Security::starttls;
    std::string username, password;
    std::string from;
    std::string ca_file;  // empty: the system's
    Millis timeout{15'000};
    std::size_t queue_mails_max = 1'000;
    int attempts_max = 3;
    Millis retry_after{5'000};
    Millis drain{2'000};
    int mails_an_hour = 6;  // to one address
    std::size_t addresses_max = 10'000;
  };
  SmtpMailer(Options options, Metrics& metrics);
  ~SmtpMailer() override;
  void send(Mail mail) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::api
