// One response as the protocol shows it: keeps the order of its events (created, items and parts added, deltas, done in reverse) and its
// ids. Its items are a message, which begins with its first words, and function calls, which are shown as the model makes them.
// Binary audio belongs to the item announced last, so there calls wait until the message is out.
// Thread contract: none; used on the session's loop. Pure but for what it is given to call.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/reply.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::realtime {

struct ResponseOutlets {
  std::function<void(std::string_view)> send;  // one JSON text
  std::function<void(std::span<const std::uint8_t>)> send_binary;
  std::function<std::string(Item&)> add_item = {};    // joins the conversation; returns the item's predecessor. Empty: out of band
  std::function<void(const Item&)> update_item = {};  // its content or status changed
  std::function<void(const Item&)> on_call = {};      // a function call is complete: the client may execute it
};

class Response {
 public:
  Response(ResponseView view, bool binary, ResponseOutlets outlets);

  const std::string& id() const { return view_.id; }
  const std::string& item_id() const { return message_.place.item_id; }  // the message's, whether it has begun or not
  bool audio_out() const { return view_.audio_out; }
  bool ended() const { return ended_; }
  const std::string& text() const { return text_; }
  bool out_of_band() const { return !outlets_.add_item; }
  bool calls_tools() const;  // a complete call was shown, and its result is awaited

  void created();  // response.created
  void text(std::string_view delta);
  void audio(std::span<const std::uint8_t> bytes);  // one packet, or samples on the wire's format
  void words(const server_events::Alignment& alignment);
  void tool_call(const pipeline::ReplyToolPiece& piece);
  // Everything that is open is closed, then response.done. Later calls do nothing.
  void done(ResponseStatus status, std::string_view reason, const Usage& usage, std::string_view error_type = {},
            std::string_view error_code = {});

 private:
  struct Shown {  // an item as it was announced
    server_events::Place place;
    std::string previous;  // in the conversation
    bool begun = false, ended = false;
  };
  struct Call : Shown {
    Item item;
    int reply_index = 0;
  };

  void announce(Shown& shown, Item& item);
  void conclude(Shown& shown, const Item& item);
  void begin_message();
  void end_message(ResponseStatus status);
  void show_call(const pipeline::ReplyToolPiece& piece);
  void end_call(Call& call, ItemStatus status);
  Item message(ItemStatus status) const;

  ResponseView view_;
  bool binary_;
  ResponseOutlets outlets_;
  Shown message_;
  std::string text_;
  std::string audio_json_;                         // the last event with audio: its memory serves the next
  std::vector<Call> calls_;
  std::vector<pipeline::ReplyToolPiece> waiting_;  // binary: shown after the message
  int items_ = 0;
  bool ended_ = false;
};

}  // namespace repartee::realtime
