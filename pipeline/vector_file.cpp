#include "pipeline/vector_file.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace repartee::pipeline {
namespace {
constexpr std::uint64_t text_bytes_max = std::uint64_t{4} * 1024 * 1024 * 1024;
constexpr std::size_t read_at_once = 1024 * 1024;
}  // namespace

void write_number(std::ostream& out, std::uint64_t number) { out.write(reinterpret_cast<const char*>(&number), sizeof number); }

void write_text(std::ostream& out, std::string_view text) {
  write_number(out, text.size());
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

std::uint64_t read_number(std::istream& in) {
  std::uint64_t number = 0;
  in.read(reinterpret_cast<char*>(&number), sizeof number);
  return in ? number : 0;
}

// Grows with what is there, not with what the length says.
std::string read_text(std::istream& in) {
  std::uint64_t left = read_number(in);
  std::string text;
  if (left > text_bytes_max) in.setstate(std::ios::failbit);
  while (in && left > 0) {
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, read_at_once));
    const std::size_t size = text.size();
    text.resize(size + part);
    in.read(text.data() + size, static_cast<std::streamsize>(part));
    left -= part;
  }
  return in ? text : std::string();
}

std::string read_whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// FNV-1a over words of eight bytes, twice mixed.
std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U ^ bytes.size();
  for (std::size_t i = 0; i < bytes.size(); i += sizeof hash) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
    hash = (hash ^ word) * 0x100000001b3U;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace repartee::pipeline
