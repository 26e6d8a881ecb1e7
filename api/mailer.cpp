#include "api/mailer.hpp"

#include <algorithm>

#include "core/log.hpp"

namespace repartee::api {

void LogMailer::send(Mail mail) {
  std::replace(mail.text.begin(), mail.text.end(), '\n', ' ');
  log::warn("mail", "no [mail] server is configured: this mail was not sent", {{"to", mail.to}, {"subject", mail.subject}, {"text", mail.text}});
}

}  // namespace repartee::api
