// Numbers and texts of a VectorIndex's file (little endian, as the machines we run on), and its checksum.
// Thread contract: as the streams'.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>

namespace repartee::pipeline {

void write_number(std::ostream& out, std::uint64_t number);
void write_text(std::ostream& out, std::string_view text);
// A failed stream reads as 0 and "".
std::uint64_t read_number(std::istream& in);
std::string read_text(std::istream& in);

std::string read_whole(const std::filesystem::path& file);  // "" where there is none
std::uint64_t checksum(std::string_view bytes);             // finds damage, not malice

}  // namespace repartee::pipeline
