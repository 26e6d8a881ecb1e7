// The messages of Twilio Media Streams, as text and typed, both ways.
// Source: Twilio's documentation, "Media Streams - WebSocket Messages": to us connected, start, media, dtmf, mark, stop; from us media, mark,
// clear. Audio is base64 of mu-law at 8 kHz without headers.
// Thread contract: pure functions.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.hpp"

namespace repartee::realtime::twilio {

struct Connected {};
struct Start {
  std::string stream_sid, call_sid;
  std::map<std::string, std::string> parameters;   // customParameters: the <Parameter> elements of the call's TwiML
};
struct Media {
  std::string bytes;                               // of the inbound track; empty: another track's
};
struct Dtmf {
  char digit = 0;                                  // 0-9, *, #, A-D
};
struct Mark {
  std::string name;
};
struct Stop {};
struct Unknown {};                                 // a kind that is not of the documentation; to be ignored
using Message = std::variant<Unknown, Connected, Start, Media, Dtmf, Mark, Stop>;

constexpr std::size_t parameters_max = 32, parameter_bytes_max = 8 * 1024, sid_bytes_max = 128;

Result<Message> parse(std::string_view text);      // invalid_argument: not a message, or one without what it must have

std::string media(std::string_view stream_sid, std::string_view mu_law);
std::string mark(std::string_view stream_sid, std::string_view name);
std::string clear(std::string_view stream_sid);

}  // namespace repartee::realtime::twilio
