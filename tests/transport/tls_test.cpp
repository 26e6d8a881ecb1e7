#include <openssl/ssl.h>

#include "tests/support/self_signed.hpp"
#include "tests/transport/fixture.hpp"

namespace repartee::test {
namespace {

class Tls : public ServerTest {
 protected:
  void start_tls(transport::Options options = {}) {
    options.tls_cert_file = pem.cert_file();
    options.tls_key_file = pem.key_file();
    start(options);
  }
  SelfSigned pem;
};

TEST_F(Tls, CarriesAConversation) {
  start_tls();
  transport::WsClient client;
  const Status connected = client.connect(url("/echo", true), {.subprotocols = {"realtime"}, .tls_ca_file = pem.cert_file()});
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(client.subprotocol(), "realtime");
  EXPECT_EQ(say(client, "secret"), "secret");
  const std::string big(1'000'000, 'b');
  EXPECT_EQ(say(client, big), big);
  client.close(4000, "bye");
  EXPECT_EQ(heard->wait_for_close(), 4000);
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(Tls, IsVerifiedByTheClientUnlessToldNotTo) {
  start_tls();
  transport::WsClient careful, careless;
  EXPECT_FALSE(careful.connect(url("/echo", true), {}));
  EXPECT_TRUE(careless.connect(url("/echo", true), {.tls_verify = false}));
}

TEST_F(Tls, TellsAPlainClientToUseHttps) {
  start_tls();
  RawClient plain(server->port());
  plain.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string response = plain.read_to_end();
  EXPECT_EQ(response.find("HTTP/1.1 400 "), 0u);
  EXPECT_NE(response.find("this port speaks TLS"), std::string::npos);
}

TEST_F(Tls, DropsABrokenOrIdleHandshakeAndServesTheOthers) {
  start_tls({.header_timeout = 200ms});
  RawClient broken(server->port()), idle(server->port()), half(server->port());
  broken.send("\x16\x03\x01\xff\xff garbage garbage garbage");
  half.send("\x16\x03");
  broken.read_to_end();
  idle.read_to_end();
  half.read_to_end();
  transport::WsClient honest;
  ASSERT_TRUE(honest.connect(url("/echo", true), {.tls_ca_file = pem.cert_file()}));
  EXPECT_EQ(say(honest, "undisturbed"), "undisturbed");
}

TEST_F(Tls, ANewCertificateIsForNewConnectionsAndABadOneForNone) {
  start_tls();
  transport::WsClient before, after, other;
  ASSERT_TRUE(before.connect(url("/echo", true), {.tls_ca_file = pem.cert_file()}));
  SelfSigned renewed;
  EXPECT_FALSE(server->reload_tls(renewed.cert_file(), pem.key_file())) << "a key that does not fit";
  ASSERT_TRUE(other.connect(url("/echo", true), {.tls_ca_file = pem.cert_file()})) << "the old one stays";
  ASSERT_TRUE(server->reload_tls(renewed.cert_file(), renewed.key_file()));
  EXPECT_EQ(say(before, "still here"), "still here");
  EXPECT_FALSE(after.connect(url("/echo", true), {.tls_ca_file = pem.cert_file()}));
  transport::WsClient trusting;
  ASSERT_TRUE(trusting.connect(url("/echo", true), {.tls_ca_file = renewed.cert_file()}));
  EXPECT_EQ(say(trusting, "hello"), "hello");
}

TEST_F(Tls, NothingOlderThanVersionTwelveIsSpoken) {
  start_tls();
  const auto shakes_hands = [&](int version_max) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");   // the client would speak it
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version_max);
    BIO* wire = BIO_new_ssl_connect(context);
    BIO_set_conn_hostname(wire, ("127.0.0.1:" + std::to_string(server->port())).c_str());
    const bool done = BIO_do_connect(wire) == 1 && BIO_do_handshake(wire) == 1;
    BIO_free_all(wire);
    SSL_CTX_free(context);
    return done;
  };
  EXPECT_TRUE(shakes_hands(TLS1_3_VERSION));
  EXPECT_TRUE(shakes_hands(TLS1_2_VERSION));
  EXPECT_FALSE(shakes_hands(TLS1_1_VERSION));
  EXPECT_FALSE(shakes_hands(TLS1_VERSION));
}

TEST_F(Tls, SaysWhatIsWrongWithItsFiles) {
  const auto listen = [&](const std::string& cert, const std::string& key) {
    transport::Server wrong(loops, {.port = 0, .tls_cert_file = cert, .tls_key_file = key}, {}, metrics);
    const Status status = wrong.listen();
    return status ? std::string() : status.error().message;
  };
  SelfSigned other;
  EXPECT_NE(listen(pem.cert_file(), "").find("both"), std::string::npos);
  EXPECT_NE(listen("/nowhere/cert.pem", pem.key_file()).find("/nowhere/cert.pem"), std::string::npos);
  EXPECT_NE(listen(pem.cert_file(), pem.cert_file()).find("cannot read the TLS key"), std::string::npos);
  EXPECT_NE(listen(pem.cert_file(), other.key_file()), "");
}

}  // namespace
}  // namespace repartee::test
