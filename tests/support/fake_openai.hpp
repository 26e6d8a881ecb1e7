// An OpenAI-compatible server inside the test's process: it answers every request as its script says and remembers what it was asked.
// Thread contract: its own thread serves; every member from the test's thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace repartee::test {

struct FakeRequest {
  std::string method, path, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

// What the server does with the next requests.
struct FakeScript {
  int status = 200;
  std::string content_type = "text/event-stream";
  std::vector<std::string> pieces;             // of the body, each written by itself
  std::chrono::milliseconds piece_delay{0};    // before each piece
  bool hang_before_head = false;               // never answers
  bool hang_after_pieces = false;              // never ends
  bool break_off = false;                      // closes the connection in the middle of the body
};

class FakeOpenAi {
 public:
  FakeOpenAi();
  ~FakeOpenAi();
  std::string base_url() const;                // http://127.0.0.1:port/v1
  void set(FakeScript script);
  std::vector<FakeRequest> requests() const;
  std::size_t connections() const;             // accepted so far
  bool wait_for_requests(std::size_t count);   // within a generous time
  bool wait_for_closed_by_peer(std::size_t count);  // connections that the client closed before their response was complete

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A streamed chat completion of these texts, as events.
std::vector<std::string> chat_events(const std::vector<std::string>& texts, bool with_usage = true);

}  // namespace repartee::test
