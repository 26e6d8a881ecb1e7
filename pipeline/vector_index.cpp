#include "pipeline/vector_index.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "pipeline/vector_file.hpp"
#include "pipeline/vector_partition.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::string_view magic = "repartee vectors 1\n";
namespace fs = std::filesystem;

fs::path beside(const fs::path& file, const char* suffix) { return fs::path(file.string() + suffix); }

}  // namespace

VectorIndex::VectorIndex(Options options) : options_(options) {}
VectorIndex::~VectorIndex() = default;

std::shared_ptr<VectorIndex::Partition> VectorIndex::find(const std::string& user_id) const {
  std::shared_lock lock(mutex_);
  const auto found = partitions_.find(user_id);
  return found == partitions_.end() ? nullptr : found->second;
}

std::vector<VectorHit> VectorIndex::search(const KnowledgeScope& scope, std::span<const float> question, std::size_t count) const {
  if (question.size() != options_.dimension || scope.scope == "none") return {};
  const auto partition = find(scope.user_id);
  return partition ? partition->search(scope, question, count) : std::vector<VectorHit>{};
}

std::size_t VectorIndex::rows() const {
  std::shared_lock lock(mutex_);
  return rows_;
}

std::size_t VectorIndex::bytes() const {
  std::shared_lock lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& [user, partition] : partitions_) bytes += partition->bytes();
  return bytes;
}

Status VectorIndex::put(Document document) {
  for (const Chunk& chunk : document.chunks)
    if (chunk.vector.size() != options_.dimension)
      return Error{Errc::invalid_argument, "a vector of document " + document.id + " has another length than the index's"};
  drop(document.id);
  std::shared_ptr<Partition> partition;
  {
    std::unique_lock lock(mutex_);
    if (rows_ + document.chunks.size() > options_.rows_max)
      return Error{Errc::resource_exhausted, "the index of vectors is full: document " + document.id + " is found by its words only"};
    rows_ += document.chunks.size();
    auto& place = partitions_[document.user_id];
    if (!place) place = std::make_shared<Partition>(options_);
    partition = place;
  }
  owners_[document.id] = document.user_id;
  partition->put(std::move(document));
  return {};
}

void VectorIndex::remove(const std::string& document_id) { drop(document_id); }

void VectorIndex::drop(const std::string& document_id) {
  const auto owner = owners_.find(document_id);
  if (owner == owners_.end()) return;
  const auto partition = find(owner->second);
  const std::size_t before = partition->rows();
  partition->remove(document_id);
  std::unique_lock lock(mutex_);
  rows_ -= before - partition->rows();
  if (partition->empty()) partitions_.erase(owner->second);
  owners_.erase(owner);
}

std::map<std::string, std::string> VectorIndex::stamps() const {
  std::shared_lock lock(mutex_);
  std::map<std::string, std::string> stamps;
  for (const auto& [user, partition] : partitions_) partition->add_stamps(stamps);
  return stamps;
}

bool VectorIndex::build(std::size_t rows_max) {
  std::vector<std::shared_ptr<Partition>> all;
  {
    std::shared_lock lock(mutex_);
    for (const auto& [user, partition] : partitions_) all.push_back(partition);
  }
  for (const auto& partition : all)
    if (partition->build(rows_max)) return true;
  return false;
}

Status VectorIndex::save(const fs::path& file, const std::string& made_by) const {
  std::ostringstream body;
  write_text(body, made_by);
  write_number(body, options_.dimension);
  {
    std::shared_lock lock(mutex_);  // the writer saves, so partitions do not change; searches go on
    write_number(body, partitions_.size());
    for (const auto& [user, partition] : partitions_) {
      write_text(body, user);
      partition->write(body, beside(file, ".graph"));
    }
  }
  const std::string bytes = std::move(body).str();
  const fs::path fresh = beside(file, ".new");
  std::error_code failure;
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write, failure);
    out << magic;
    write_number(out, checksum(bytes));
    out << bytes;
    out.close();
    if (!out) return Error{Errc::unavailable, "the vectors cannot be written to " + fresh.string()};
  }
  fs::rename(fresh, file, failure);
  if (failure) return Error{Errc::unavailable, "the vectors cannot be kept in " + file.string() + ": " + failure.message()};
  return {};
}

Status VectorIndex::load(const fs::path& file, const std::string& made_by) {
  const std::string bytes = read_whole(file);
  if (bytes.empty()) return Error{Errc::not_found, "there is no file of vectors"};
  const Error corrupt{Errc::data_corrupt, "the file of vectors is damaged"};
  const std::size_t header = magic.size() + sizeof(std::uint64_t);
  if (bytes.size() < header || !bytes.starts_with(magic)) return corrupt;
  std::uint64_t sum = 0;
  std::memcpy(&sum, bytes.data() + magic.size(), sizeof sum);
  if (sum != checksum(std::string_view(bytes).substr(header))) return corrupt;
  std::istringstream in(bytes.substr(header));
  if (read_text(in) != made_by) return Error{Errc::data_corrupt, "the file of vectors is of another embedder"};
  if (read_number(in) != options_.dimension) return corrupt;
  std::map<std::string, std::shared_ptr<Partition>> partitions;
  std::size_t rows = 0;
  const std::uint64_t count = read_number(in);
  for (std::uint64_t i = 0; i < count && in; ++i) {
    const std::string user = read_text(in);
    auto partition = std::make_shared<Partition>(options_);
    if (auto read = partition->read(in, beside(file, ".graph")); !read) return read.error();
    rows += partition->rows();
    partitions[user] = std::move(partition);
  }
  if (!in || rows > options_.rows_max) return corrupt;
  std::unique_lock lock(mutex_);
  partitions_ = std::move(partitions);
  rows_ = rows;
  owners_.clear();
  for (const auto& [user, partition] : partitions_) {
    std::map<std::string, std::string> documents;
    partition->add_stamps(documents);
    for (const auto& [id, stamp] : documents) owners_[id] = user;
  }
  return {};
}

}  // namespace repartee::pipeline
