#include "core/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace repartee::log {
namespace {

Format g_format = Format::text;  // written once by configure(), before the first thread

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("repartee", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v", spdlog::pattern_time_type::utc));
  logger->flush_on(spdlog::level::info);
  return logger;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: return spdlog::level::off;
  }
  return spdlog::level::off;
}

bool is_secret(std::string_view name) {
  constexpr std::array secrets{"key", "token", "secret", "password", "authorization", "api_key", "resume_token"};
  return std::find(secrets.begin(), secrets.end(), name) != secrets.end();
}

// Also keeps a hostile value from forging a second log line.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') { out += '\\'; out += c; }
    else if (c == '\n') out += "\\n";
    else if (u < 0x20 || u == 0x7f) { char hex[8]; std::snprintf(hex, sizeof hex, "\\u%04x", u); out += hex; }
    else out += c;
  }
  out += '"';
}

bool plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '='; });
}

}  // namespace

Value::Value(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  text_ = text;
}

void configure(const Options& options) {
  g_format = options.format;
  logger().set_level(to_spdlog(options.level));
  if (g_format == Format::json)
    logger().set_formatter(std::make_unique<spdlog::pattern_formatter>("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}", spdlog::pattern_time_type::utc));
}

void set_level(Level level) { logger().set_level(to_spdlog(level)); }

bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }

void write(Level level, std::string_view part, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  std::string line;
  line.reserve(160);
  if (g_format == Format::json) {
    line += "\"part\":";
    append_quoted(line, part);
    line += ",\"message\":";
    append_quoted(line, message);
  } else {
    line.append(part).append(": ").append(message);
  }
  for (const auto& field : fields) {
    const std::string_view value = is_secret(field.name) ? std::string_view("***") : std::string_view(field.value.text());
    const bool quoted = field.value.quoted() || is_secret(field.name);
    if (g_format == Format::json) {
      line += ',';
      append_quoted(line, field.name);
      line += ':';
      if (quoted) append_quoted(line, value); else line += value;
    } else {
      line.append("  ").append(field.name).append("=");
      if (quoted && !plain(value)) append_quoted(line, value); else line += value;
    }
  }
  logger().log(to_spdlog(level), "{}", line);
}

}  // namespace repartee::log
