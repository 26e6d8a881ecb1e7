// libFuzzer entry: requests on one connection, in two pieces; then what is read is looked at as the server does.
#include <cstdint>
#include <string>

#include "realtime/transport/http_reader.hpp"
#include "tests/fuzz/require.hpp"

using namespace repartee::transport;

namespace {

void look_at(HttpReader& reader) {
  const bool upgrade = reader.is_upgrade();
  (void)reader.keep_alive();
  const Request request = reader.take();
  require(!request.path.empty() && request.path.front() == '/');
  require(request.path.find('\0') == std::string::npos);
  require(("/" + request.path + "/").find("/../") == std::string::npos);
  require(request.body.size() <= 4096);
  if (upgrade) (void)check_handshake(request);
  for (const auto& [name, value] : request.headers) {
    for (const char c : name) require(c < 'A' || c > 'Z');
    require(value.find_first_of("\r\n") == std::string::npos);
    (void)split_list(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = text.empty() ? 0 : data[0] * text.size() / 256;
  std::string input;
  HttpReader::Limits limits{.header_bytes_max = 2048, .body_bytes_max = 4096};
  auto reader = std::make_unique<HttpReader>(limits);
  for (const auto& piece : {text.substr(0, cut), text.substr(cut)}) {
    input += piece;
    for (std::size_t rounds = 0; rounds <= text.size() + 1; ++rounds) {
      const std::size_t taken = reader->feed(input);
      require(taken <= input.size());
      input.erase(0, taken);
      if (reader->state() == HttpReader::State::failed) {
        require(reader->error_status() >= 400 && !reader->error_message().empty());
        require(!write_response(error_response(reader->error_status(), reader->error_message()), false, false).empty());
        return 0;
      }
      if (reader->state() != HttpReader::State::done) break;
      look_at(*reader);
      reader = std::make_unique<HttpReader>(limits);
    }
  }
  return 0;
}
