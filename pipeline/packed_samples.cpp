#include "pipeline/packed_samples.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace repartee::pipeline {
namespace {

// Without a branch, so that it is done many samples at once.
bool fits_bytes(const std::int16_t* samples) {
  unsigned beyond = 0;
  for (std::size_t i = 0; i < PackedSamples::block_samples; ++i) beyond |= static_cast<std::uint16_t>(samples[i] + 128);
  return beyond < 256;
}

}  // namespace

void PackedSamples::append(std::span<const std::int16_t> samples) {
  while (!samples.empty()) {
    if (!open_) open_ = std::make_unique_for_overwrite<std::int16_t[]>(block_samples);
    const std::size_t count = std::min(samples.size(), block_samples - open_count_);
    std::copy_n(samples.begin(), count, open_.get() + open_count_);
    open_count_ += count;
    samples = samples.subspan(count);
    if (open_count_ == block_samples) seal();
  }
}

void PackedSamples::seal() {
  Block block{nullptr, fits_bytes(open_.get())};
  block.bytes = std::move(spares_[block.is_narrow]);
  if (!block.bytes) block.bytes = std::make_unique_for_overwrite<std::byte[]>(bytes_of(block.is_narrow));
  if (block.is_narrow) {
    for (std::size_t i = 0; i < block_samples; ++i) block.bytes[i] = static_cast<std::byte>(open_[i]);
  } else {
    std::memcpy(block.bytes.get(), open_.get(), bytes_of(false));
  }
  // Not doubled: a minute of speech has thousands of blocks.
  if (blocks_.size() == blocks_.capacity()) blocks_.reserve(blocks_.size() + blocks_.size() / 4 + 8);
  blocks_.push_back(std::move(block));
  open_count_ = 0;
}

void PackedSamples::unpack(const Block& block, std::int16_t* out) {
  if (!block.is_narrow) {
    std::memcpy(out, block.bytes.get(), bytes_of(false));
    return;
  }
  for (std::size_t i = 0; i < block_samples; ++i) out[i] = static_cast<std::int8_t>(block.bytes[i]);
}

void PackedSamples::retire(Block& block) {
  if (!spares_[block.is_narrow]) spares_[block.is_narrow] = std::move(block.bytes);
  block.bytes.reset();
}

void PackedSamples::drop_last(std::size_t count) {
  assert(static_cast<std::int64_t>(count) <= end() - begin());
  while (count > open_count_) {
    count -= open_count_;
    unpack(blocks_.back(), open_.get());
    retire(blocks_.back());
    blocks_.pop_back();
    open_count_ = block_samples;
  }
  open_count_ -= count;
}

void PackedSamples::drop_before(std::int64_t position) {
  constexpr auto block = static_cast<std::int64_t>(block_samples);
  for (; gone_ < blocks_.size() && begin_ + block <= position; begin_ += block) retire(blocks_[gone_++]);
  if (gone_ * 2 <= blocks_.size() && gone_ < 8) return;  // each is moved once on average
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(gone_));
  gone_ = 0;
  if (blocks_.capacity() > 4 * blocks_.size() + 32) blocks_.shrink_to_fit();
}

void PackedSamples::clear() {
  begin_ = end();
  std::vector<Block>().swap(blocks_);
  gone_ = open_count_ = 0;
  open_.reset();
  release_spares();
}

void PackedSamples::release_spares() {
  for (auto& spare : spares_) spare.reset();
}

void PackedSamples::copy(std::int64_t from, std::int64_t to, Samples& out) const {
  assert(begin_ <= from && from <= to && to <= end());
  std::int16_t unpacked[block_samples];
  while (from < to) {
    const auto at = static_cast<std::size_t>(from - begin_);
    const std::size_t index = gone_ + at / block_samples, offset = at % block_samples;
    const std::size_t count = std::min(block_samples - offset, static_cast<std::size_t>(to - from));
    const std::int16_t* samples = open_.get();
    if (index < blocks_.size()) {
      unpack(blocks_[index], unpacked);
      samples = unpacked;
    }
    out.insert(out.end(), samples + offset, samples + offset + count);
    from += static_cast<std::int64_t>(count);
  }
}

std::size_t PackedSamples::capacity_bytes() const {
  std::size_t bytes = blocks_.capacity() * sizeof(Block) + (open_ ? bytes_of(false) : 0);
  for (std::size_t i = gone_; i < blocks_.size(); ++i) bytes += bytes_of(blocks_[i].is_narrow);
  for (const bool is_narrow : {false, true}) bytes += spares_[is_narrow] ? bytes_of(is_narrow) : 0;
  return bytes;
}

}  // namespace repartee::pipeline
