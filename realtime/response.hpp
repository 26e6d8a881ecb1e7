// One response as the protocol shows it: keeps the order of its events (created, item and part added, deltas, done in reverse) and its ids.
// Thread contract: none; used on the session's loop. Pure but for `send`.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "realtime/protocol/server_events.hpp"

namespace repartee::realtime {

class Response {
 public:
  using Send = std::function<void(std::string)>;         // one JSON text
  using SendBinary = std::function<void(std::span<const std::uint8_t>)>;
  Response(ResponseView view, bool binary, Send send, SendBinary send_binary);

  const std::string& id() const { return view_.id; }
  const std::string& item_id() const { return place_.item_id; }
  bool audio_out() const { return view_.audio_out; }
  bool ended() const { return ended_; }
  const std::string& text() const { return text_; }
  bool out_of_band() const { return out_of_band_; }
  void set_out_of_band() { out_of_band_ = true; }

  void created();                                        // response.created
  Item begin_item(std::string_view previous_item_id);    // the assistant's item, in progress; also what joins the conversation
  void text(std::string_view delta);
  void audio(std::span<const std::uint8_t> bytes);       // one packet, or samples on the wire's format
  void words(const std::vector<server_events::AlignedWord>& words);
  // Everything that is open is closed, then response.done. Later calls do nothing.
  void done(ResponseStatus status, std::string_view reason, const Usage& usage, std::string_view error_type = {}, std::string_view error_code = {});

 private:
  Item item(ItemStatus status) const;

  ResponseView view_;
  bool binary_;
  Send send_;
  SendBinary send_binary_;
  server_events::Place place_;
  std::string previous_item_id_, text_;
  bool item_open_ = false, audio_sent_ = false, ended_ = false, out_of_band_ = false;
};

}  // namespace repartee::realtime
