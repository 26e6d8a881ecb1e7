// Mails to users: a few lines of plain text, mostly with a link.
// Thread contract: send() from any thread; it never blocks. A mail that cannot be delivered is logged, without its text, and counted.
#pragma once
#include <string>

namespace repartee::api {

struct Mail {
  std::string to;       // one address, as normal_email() made it
  std::string subject;  // ASCII
  std::string text;     // UTF-8, lines ending in "\n"
};

class Mailer {
 public:
  virtual ~Mailer() = default;
  virtual void send(Mail mail) = 0;
};

// For a server without a mail server: the text, with the link in it, goes to the log, where its operator finds it.
class LogMailer final : public Mailer {
 public:
  void send(Mail mail) override;
};

}  // namespace repartee::api
