#include "pipeline/providers/openai_asr.hpp"

#include <nlohmann/json.hpp>

#include "core/ids.hpp"
#include "pipeline/providers/whole_answer.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

void append_little_endian(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::string field(const std::string& boundary, const std::string& name, const std::string& value) {
  return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

std::string form_of(const OpenAiAsrOptions& options, const AsrRequest& request, const std::string& boundary) {
  std::string form = field(boundary, "model", options.model) + field(boundary, "response_format", "json");
  if (!request.language.empty()) form += field(boundary, "language", request.language);
  form += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"utterance.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
  form += wav_file(*request.samples, asr_rate_hz);
  return form + "\r\n--" + boundary + "--\r\n";
}

Result<Transcript> transcript_in(const OpenAiAsrOptions& options, const Result<HttpResponse>& response) {
  if (!response) return response.error();
  const int status = response->head.status;
  if (status < 200 || status > 299) return error_of_status(options.name, status, response->body, options.endpoint.key);
  const auto json = nlohmann::json::parse(response->body, nullptr, false);
  if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) return Error{Errc::data_corrupt, options.name + ": the answer holds no text"};
  return Transcript{normalise_spaces(json["text"].get<std::string>())};
}

}  // namespace

std::string wav_file(const Samples& samples, int rate_hz) {
  const auto data_bytes = static_cast<std::uint32_t>(samples.size() * 2);
  std::string out;
  out.reserve(44 + data_bytes);
  out += "RIFF";
  append_little_endian(out, 36 + data_bytes, 4);
  out += "WAVEfmt ";
  append_little_endian(out, 16, 4);                                   // size of the format chunk
  append_little_endian(out, 1, 2);                                    // PCM
  append_little_endian(out, 1, 2);                                    // mono
  append_little_endian(out, static_cast<std::uint32_t>(rate_hz), 4);
  append_little_endian(out, static_cast<std::uint32_t>(rate_hz) * 2, 4);  // bytes a second
  append_little_endian(out, 2, 2);                                    // bytes a sample
  append_little_endian(out, 16, 2);                                   // bits a sample
  out += "data";
  append_little_endian(out, data_bytes, 4);
  for (const std::int16_t sample : samples) append_little_endian(out, static_cast<std::uint16_t>(sample), 2);
  return out;
}

StreamPtr OpenAiAsr::transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) {
  const std::string boundary = new_id("form");
  HttpRequest http_request =
      openai_post(options_.endpoint, "/audio/transcriptions", "multipart/form-data; boundary=" + boundary, form_of(options_, request, boundary));
  http_request.body_bytes_max = options_.response_bytes_max;
  return fetch_answer<Transcript>(http_, loop, std::move(http_request), time_left(loop, request.deadline, options_.timeout), options_.name + ": no transcript in time",
                                  [&options = options_](const Result<HttpResponse>& response) { return transcript_in(options, response); }, std::move(done));
}

}  // namespace repartee::pipeline
