// A telephone call over Twilio Media Streams: translates between Twilio's messages and the realtime protocol, and goes in by the same door as
// every other call. It begins with Twilio's `start`, which carries the call's parameters, the key among them.
// Thread contract: the connection's loop.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/loop.hpp"
#include "realtime/transport/server.hpp"
#include "realtime/twilio/messages.hpp"
#include "realtime/twilio/twilio_peer.hpp"

namespace repartee::realtime::twilio {

class TwilioCall final : public transport::PeerHandler {
 public:
  struct Options {
    Duration start_timeout = std::chrono::seconds(10);   // until `start` has come: nobody is known before
    std::size_t message_bytes_before_start_max = 32 * 1024;
    int bad_messages_max = 20;                           // then the call is closed
    Duration dtmf_pause = Millis(1500);                  // digits in a row are one message
    std::size_t digits_max = 64;
  };
  // The door: answers like an upgrade to /v1/realtime.
  using Door = std::function<void(transport::Request, std::function<void(transport::Accept)>)>;

  // `handshake`: of the stream's WebSocket; its headers (Host, a key) count for the call.
  TwilioCall(Loop& loop, transport::Request handshake, Door door) : TwilioCall(loop, std::move(handshake), std::move(door), Options()) {}
  TwilioCall(Loop& loop, transport::Request handshake, Door door, Options options);
  ~TwilioCall() override;

  void on_open(std::shared_ptr<transport::Peer> peer) override;
  void on_text(std::string_view text) override;
  void on_binary(std::string_view bytes) override;
  void on_close(int code, std::string_view reason) override;

 private:
  void take(Unknown&) {}
  void take(Connected&) {}
  void take(Start& start);
  void take(Media& media);
  void take(Dtmf& dtmf);
  void take(Mark& mark);
  void take(Stop&);
  void bad_message(const std::string& why);
  void admitted(transport::Accept accept, const Start& start);
  void say(const std::string& event);                    // to the session
  void send_digits();

  Loop& loop_;
  transport::Request handshake_;
  const Door door_;
  const Options options_;
  std::shared_ptr<transport::Peer> wire_;
  std::shared_ptr<TwilioPeer> peer_;
  std::unique_ptr<transport::PeerHandler> call_;         // null until admitted
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);   // for what is posted or answered later
  bool started_ = false;
  int bad_messages_ = 0;
  std::string stream_sid_, digits_;
  StreamPtr start_timer_, dtmf_timer_;
};

}  // namespace repartee::realtime::twilio
