// A stretch of sound that grows at its end and is forgotten from its beginning, in blocks of 32 ms: nothing is moved, and what is forgotten is
// given back at once. Lossless: a block all of whose samples fit into a byte (silence, with no more than the faint noise of a line, below
// -48 dB of full scale) takes a byte a sample.
// Positions are samples since the stretch was begun; they go on over clear().
// Thread contract: none; pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/audio.hpp"

namespace repartee::pipeline {

class PackedSamples {
 public:
  static constexpr std::size_t block_samples = 512;   // a window of the detector, after which as much is forgotten

  void append(std::span<const std::int16_t> samples);
  void drop_last(std::size_t count);            // at most what is held; the next ones appended take their place
  void drop_before(std::int64_t position);      // whole blocks only: up to one block more than asked for stays
  void clear();                                 // all of it, and all memory
  void release_spares();                        // memory that the next blocks would have used

  std::int64_t begin() const { return begin_; }
  std::int64_t end() const { return begin_ + static_cast<std::int64_t>((blocks_.size() - gone_) * block_samples + open_count_); }
  void copy(std::int64_t from, std::int64_t to, Samples& out) const;   // appends; begin() <= from <= to <= end()
  std::size_t capacity_bytes() const;

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;         // std::int8_t or std::int16_t, block_samples of them
    bool is_narrow = false;
  };
  static std::size_t bytes_of(bool is_narrow) { return block_samples * (is_narrow ? sizeof(std::int8_t) : sizeof(std::int16_t)); }
  static void unpack(const Block& block, std::int16_t* out);
  void seal();
  void retire(Block& block);

  std::vector<Block> blocks_;                   // the first gone_ of them are empty
  std::size_t gone_ = 0;
  std::int64_t begin_ = 0;                      // where the first block that is there begins
  std::unique_ptr<std::int16_t[]> open_;        // the block being filled
  std::size_t open_count_ = 0;
  std::unique_ptr<std::byte[]> spares_[2];      // a wide one, a narrow one: a steady stream allocates nothing
};

}  // namespace repartee::pipeline
