#include "api/static_files.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include "api/embedded_files.hpp"
#include "core/log.hpp"

namespace repartee::api {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t disk_file_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t etag_bytes = 12;

constexpr std::pair<std::string_view, const char*> content_types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".wasm", "application/wasm"},
    {".wav", "audio/wav"},
    {".txt", "text/plain; charset=utf-8"},
};

// Only what a page is made of is served: no package.json, no dot files, whatever lies in the directory.
const char* content_type_of(std::string_view path) {
  if (path.ends_with("package.json")) return nullptr;
  for (const auto& [ending, type] : content_types) {
    if (path.ends_with(ending)) return type;
  }
  return nullptr;
}

std::string etag_of(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  char hex[etag_bytes * 2 + 1];
  sodium_bin2hex(hex, sizeof hex, digest.data(), etag_bytes);
  return '"' + std::string(hex) + '"';
}

bool matches(std::string_view if_none_match, const std::string& etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

transport::Response file_response(const transport::Request& request, std::string_view path, std::string_view bytes,
                                  const std::string& etag) {
  transport::Response response;
  response.headers = {
      {"Content-Type", content_type_of(path)},
      {"ETag", etag},
      {"Cache-Control", "no-cache"},  // kept, but asked for each time: a new program brings a new page
      {"Content-Security-Policy",
       "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
       "form-action 'self'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Permissions-Policy", "microphone=(self), camera=(), geolocation=()"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  if (matches(request.header("if-none-match"), etag)) response.status = 304;
  else response.body = bytes;
  return response;
}

transport::Response missing() { return error_response({Errc::not_found, "there is nothing at this path"}); }

// "/" -> "index.html"; "/monitor" -> "monitor", "monitor.html"
std::vector<std::string> candidates(std::string_view path) {
  path.remove_prefix(1);
  if (path.empty()) return {"index.html"};
  return {std::string(path), std::string(path) + ".html"};
}

bool has_hidden_part(std::string_view path) { return path.starts_with('.') || path.find("/.") != std::string_view::npos; }

// nullopt: not a readable file inside the directory, wherever links lead.
std::optional<std::string> read_inside(const fs::path& directory, const std::string& name) {
  std::error_code ec;
  const fs::path real = fs::canonical(directory / name, ec);
  if (ec || !fs::is_regular_file(real, ec) || fs::file_size(real, ec) > disk_file_bytes_max || ec) return std::nullopt;
  const auto differs = std::mismatch(directory.begin(), directory.end(), real.begin(), real.end());
  if (differs.first != directory.end()) return std::nullopt;
  std::ifstream file(real, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

StaticFiles::StaticFiles(Options options) {
  if (!options.web_dir.empty()) {
    std::error_code ec;
    web_dir_ = fs::canonical(options.web_dir, ec).string();
    if (ec) {
      log::warn("api", "the page's directory cannot be read, the built-in page is served",
                {{"web_dir", options.web_dir}, {"error", ec.message()}});
      web_dir_.clear();
    }
  }
  for (const auto& file : embedded_web()) built_in_[std::string(file.path)] = {file.bytes, etag_of(file.bytes)};
}

transport::Response StaticFiles::serve(const transport::Request& request) const {
  return web_dir_.empty() ? serve_built_in(request) : serve_from_disk(request);
}

transport::Response StaticFiles::serve_built_in(const transport::Request& request) const {
  for (const auto& name : candidates(request.path)) {
    const auto it = built_in_.find(name);
    if (it != built_in_.end() && content_type_of(name)) return file_response(request, name, it->second.bytes, it->second.etag);
  }
  return missing();
}

transport::Response StaticFiles::serve_from_disk(const transport::Request& request) const {
  for (const auto& name : candidates(request.path)) {
    if (!content_type_of(name) || has_hidden_part(name) || name.starts_with('/')) continue;
    if (const auto bytes = read_inside(web_dir_, name)) return file_response(request, name, *bytes, etag_of(*bytes));
  }
  return missing();
}

void add_static_files(Router& router, std::shared_ptr<const StaticFiles> files) {
  router.set_fallback([files = std::move(files)](const Call& call) { call.respond(files->serve(call.request)); });
}

}  // namespace repartee::api
