#include "api/smtp_mailer.hpp"

#include <gtest/gtest.h>

#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/fake_smtp.hpp"
#include "tests/support/self_signed.hpp"

namespace repartee::test {
namespace {

using api::SmtpMailer;
using Security = api::SmtpMailer::Security;

const api::Mail letter{"ada@example.org", "Confirm your address", "Follow:\n\nhttps://voice.test/#verify=vt_x\n.\nZürich"};

class Mails : public testing::Test {
 protected:
  static SmtpMailer::Options to(const FakeSmtp& server, Security security) {
    SmtpMailer::Options options;
    options.server = server.address();
    options.security = security;
    options.from = "repartee@example.org";
    options.retry_after = Millis(50);
    return options;
  }
  double counted(const char* result) { return metrics.counter("repartee_mails_total", "mails", {{"result", result}}).value(); }
  bool waits_for(const std::function<bool()>& condition) { return persistence::test::wait_until(condition); }
  Metrics metrics;
};

TEST_F(Mails, GoOutOverStartTlsWithTheirSignIn) {
  const SelfSigned certificate;
  FakeSmtp server({.cert_file = certificate.cert_file(), .key_file = certificate.key_file()});
  auto options = to(server, Security::starttls);
  options.ca_file = certificate.cert_file();
  options.username = "user";
  options.password = "secret";
  SmtpMailer mailer(options, metrics);
  mailer.send(letter);
  ASSERT_TRUE(waits_for([&] { return !server.mails().empty(); }));
  const auto mail = server.mails()[0];
  EXPECT_TRUE(mail.secured);
  EXPECT_EQ(mail.auth, "AHVzZXIAc2VjcmV0");  // NUL user NUL secret
  EXPECT_NE(mail.from.find("<repartee@example.org>"), std::string::npos);
  EXPECT_NE(mail.to.find("<ada@example.org>"), std::string::npos);
  for (const char* part : {"\nTo: <ada@example.org>\n", "\nSubject: Confirm your address\n", "charset=utf-8", "\n\nFollow:\n\nhttps://voice.test/#verify=vt_x\n..\nZürich"})
    EXPECT_NE(mail.text.find(part), std::string::npos) << part << "\n" << mail.text;
}

TEST_F(Mails, AreNotGivenToAServerThatCannotProveItself) {
  const SelfSigned certificate, another;
  FakeSmtp server({.cert_file = certificate.cert_file(), .key_file = certificate.key_file()});
  auto options = to(server, Security::starttls);
  options.ca_file = another.cert_file();
  SmtpMailer mailer(options, metrics);
  mailer.send(letter);
  EXPECT_TRUE(waits_for([&] { return counted("failed") == 1; }));
  EXPECT_TRUE(server.mails().empty());
}

TEST_F(Mails, AreNotSentInTheClearWhereTlsIsWanted) {
  FakeSmtp server({});
  SmtpMailer mailer(to(server, Security::starttls), metrics);
  mailer.send(letter);
  EXPECT_TRUE(waits_for([&] { return counted("failed") == 1; }));
  EXPECT_TRUE(server.mails().empty());
}

TEST_F(Mails, AreTriedAgainWhenTheServerSaysLater) {
  FakeSmtp server({.cert_file = {}, .key_file = {}, .refusals = 2});
  SmtpMailer mailer(to(server, Security::none), metrics);
  mailer.send(letter);
  ASSERT_TRUE(waits_for([&] { return counted("sent") == 1; }));
  EXPECT_EQ(server.mails().size(), 1u);
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(Mails, AreNotTriedAgainWhenTheServerSaysNo) {
  FakeSmtp server({.cert_file = {}, .key_file = {}, .refusals = 100, .refusal = "550 no such mailbox"});
  SmtpMailer mailer(to(server, Security::none), metrics);
  mailer.send(letter);
  ASSERT_TRUE(waits_for([&] { return counted("failed") == 1; }));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Mails, DoNotFloodAMailbox) {
  FakeSmtp server({});
  auto options = to(server, Security::none);
  options.mails_an_hour = 2;
  SmtpMailer mailer(options, metrics);
  for (int i = 0; i < 5; ++i) mailer.send(letter);
  mailer.send({"bob@example.org", "Hello", "Hi"});
  ASSERT_TRUE(waits_for([&] { return counted("sent") == 3; }));
  EXPECT_EQ(counted("dropped"), 3);
}

TEST_F(Mails, DoNotKeepTheServerFromStopping) {
  auto options = [&] {
    FakeSmtp gone({});
    return to(gone, Security::none);
  }();
  options.retry_after = std::chrono::seconds(30);
  options.drain = Millis(10);
  {
    SmtpMailer mailer(options, metrics);
    for (int i = 0; i < 5; ++i) mailer.send({"a" + std::to_string(i) + "@example.org", "Hello", "Hi"});
  }
  EXPECT_EQ(counted("failed"), 5) << "given up, and said so";
}

}  // namespace
}  // namespace repartee::test
