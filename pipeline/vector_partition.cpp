#include "pipeline/vector_partition.hpp"

#include <algorithm>
#include <fstream>

#include "pipeline/vector_file.hpp"
#include "pipeline/vector_graph.hpp"
#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

constexpr double dead_share_max = 0.25;          // of a graph's nodes; beyond, it is built anew
constexpr std::size_t walked_rows_max = 2000;    // asked of a graph at once; where that is not enough every candidate is looked at
constexpr std::size_t extend_rows_at_once = 4;   // searches wait for so many insertions
constexpr std::size_t row_overhead_bytes = 220;  // its node, its entries in tables

VectorGraph::Options graph_options(const VectorIndex::Options& options) {
  return {options.dimension, options.links, options.build_candidates, options.search_candidates};
}

}  // namespace

VectorIndex::Partition::Partition(const Options& options) : options_(options) {}
VectorIndex::Partition::~Partition() = default;

std::size_t VectorIndex::Partition::rows() const {
  std::shared_lock lock(mutex_);
  return alive_;
}

std::size_t VectorIndex::Partition::bytes() const {
  std::shared_lock lock(mutex_);
  return slabs_.size() * slab_rows * options_.dimension * sizeof(float) + rows_.size() * row_overhead_bytes;
}

// ---- searching ----

std::vector<VectorIndex::Partition::Scored> VectorIndex::Partition::scan(const std::vector<char>& allowed, const float* question) const {
  std::vector<Scored> scored;
  for (std::size_t d = 0; d < documents_.size(); ++d) {
    if (!allowed[d]) continue;
    for (const std::uint32_t row : documents_[d].rows) scored.push_back({inner_product(at(row), question, options_.dimension), row});
  }
  return scored;
}

// nullopt: the graph did not give enough of what is allowed.
std::optional<std::vector<VectorIndex::Partition::Scored>> VectorIndex::Partition::walk(const std::vector<char>& allowed,
                                                                                        std::size_t allowed_rows, const float* question,
                                                                                        std::size_t count) const {
  const std::size_t wanted = allowed_rows == alive_ ? count : count * 2 * alive_ / std::max<std::size_t>(allowed_rows, 1);
  if (wanted > walked_rows_max) return std::nullopt;
  std::vector<Scored> scored;
  for (const auto& near : graph_->search(question, wanted)) {
    const std::uint32_t document = rows_[near.row].document;
    if (document != nobody && allowed[document]) scored.push_back({near.score, near.row});
  }
  if (scored.size() < count) return std::nullopt;
  for (const std::uint32_t row : tail_)
    if (allowed[rows_[row].document]) scored.push_back({inner_product(at(row), question, options_.dimension), row});
  return scored;
}

std::vector<VectorHit> VectorIndex::Partition::search(const KnowledgeScope& scope, std::span<const float> question,
                                                      std::size_t count) const {
  std::shared_lock lock(mutex_);
  std::vector<char> allowed(documents_.size());
  std::size_t allowed_rows = 0;
  for (std::size_t d = 0; d < documents_.size(); ++d)
    if ((allowed[d] = scope.admits(documents_[d].echo_id))) allowed_rows += documents_[d].rows.size();
  std::optional<std::vector<Scored>> scored;
  if (graph_ && allowed_rows > options_.exact_rows_max) scored = walk(allowed, allowed_rows, question.data(), count);
  if (!scored) scored = scan(allowed, question.data());
  const std::size_t kept = std::min(count, scored->size());
  std::partial_sort(scored->begin(), scored->begin() + static_cast<std::ptrdiff_t>(kept), scored->end(),
                    [](const Scored& a, const Scored& b) { return a.score != b.score ? a.score > b.score : a.row < b.row; });
  std::vector<VectorHit> hits;
  for (std::size_t i = 0; i < kept; ++i) {
    const Row& row = rows_[(*scored)[i].row];
    hits.push_back({documents_[row.document].id, row.ordinal, static_cast<double>((*scored)[i].score)});
  }
  return hits;
}

// ---- changing ----

void VectorIndex::Partition::add_row() {
  if (rows_.size() % slab_rows == 0) slabs_.push_back(std::make_unique<float[]>(slab_rows * options_.dimension));
  rows_.emplace_back();
}

std::uint32_t VectorIndex::Partition::take_row() {
  if (free_.empty() || new_graph_) {  // a graph being built has passed the free ones
    add_row();
    return static_cast<std::uint32_t>(rows_.size() - 1);
  }
  const std::uint32_t row = free_.back();
  free_.pop_back();
  return row;
}

void VectorIndex::Partition::put(Document document) {
  std::unique_lock lock(mutex_);
  const auto place = static_cast<std::uint32_t>(documents_.size());
  places_[document.id] = place;
  Entry entry{std::move(document.id), std::move(document.echo_id), std::move(document.stamp), {}};
  for (const Chunk& chunk : document.chunks) {
    const std::uint32_t row = take_row();
    std::copy(chunk.vector.begin(), chunk.vector.end(), at(row));
    rows_[row] = {place, chunk.ordinal, false};
    entry.rows.push_back(row);
    if (graph_) tail_.push_back(row);
  }
  alive_ += entry.rows.size();
  documents_.push_back(std::move(entry));
}

void VectorIndex::Partition::remove(const std::string& document_id) {
  std::unique_lock lock(mutex_);
  const auto found = places_.find(document_id);
  if (found == places_.end()) return;
  const std::uint32_t place = found->second;
  // A graph being built may hold the row already: it is begun anew rather than mended.
  new_graph_.reset();
  for (const std::uint32_t row : documents_[place].rows) {
    rows_[row].document = nobody;
    if (rows_[row].in_graph) {
      graph_->remove(row);
      ++dead_in_graph_;
    } else {
      free_.push_back(row);
    }
  }
  std::erase_if(tail_, [&](std::uint32_t row) { return rows_[row].document == nobody; });
  alive_ -= documents_[place].rows.size();
  places_.erase(found);
  if (place + 1 != documents_.size()) {
    documents_[place] = std::move(documents_.back());
    places_[documents_[place].id] = place;
    for (const std::uint32_t row : documents_[place].rows) rows_[row].document = place;
  }
  documents_.pop_back();
}

void VectorIndex::Partition::add_stamps(std::map<std::string, std::string>& stamps) const {
  for (const Entry& entry : documents_) stamps[entry.id] = entry.stamp;
}

// ---- the graph ----

bool VectorIndex::Partition::wants_new_graph() const {
  if (alive_ <= options_.exact_rows_max) return false;
  return !graph_ || static_cast<double>(dead_in_graph_) > dead_share_max * static_cast<double>(graph_->size()) ||
         tail_.size() > graph_->size();
}

// Searches go on meanwhile, without it.
bool VectorIndex::Partition::build_new(std::size_t rows_max) {
  if (!new_graph_) {
    new_graph_ = std::make_unique<VectorGraph>(graph_options(options_), alive_ + alive_ / 8);
    new_graph_next_ = 0;
  }
  for (std::size_t done = 0; done < rows_max && new_graph_next_ < rows_.size(); ++new_graph_next_) {
    if (rows_[new_graph_next_].document == nobody) continue;
    new_graph_->add(new_graph_next_, at(new_graph_next_));
    ++done;
  }
  if (new_graph_next_ < rows_.size()) return true;
  std::unique_lock lock(mutex_);
  graph_ = std::move(new_graph_);
  tail_.clear();
  free_.clear();
  dead_in_graph_ = 0;
  for (std::uint32_t row = 0; row < rows_.size(); ++row) {
    rows_[row].in_graph = rows_[row].document != nobody;
    if (!rows_[row].in_graph) free_.push_back(row);
  }
  return false;
}

bool VectorIndex::Partition::extend(std::size_t rows_max) {
  for (std::size_t done = 0; done < rows_max && !tail_.empty();) {
    std::unique_lock lock(mutex_);
    for (std::size_t i = 0; i < extend_rows_at_once && !tail_.empty(); ++i, ++done) {
      const std::uint32_t row = tail_.back();
      tail_.pop_back();
      graph_->add(row, at(row));
      rows_[row].in_graph = true;
    }
  }
  return !tail_.empty();
}

bool VectorIndex::Partition::build(std::size_t rows_max) {
  if (new_graph_ || wants_new_graph()) return build_new(rows_max);
  return graph_ && extend(rows_max);
}

// ---- file ----

// Rows in their places, free ones too, since the graph speaks of places.
void VectorIndex::Partition::write(std::ostream& out, const std::filesystem::path& scratch) const {
  write_number(out, rows_.size());
  write_number(out, documents_.size());
  for (const Entry& entry : documents_) {
    for (const std::string* text : {&entry.id, &entry.echo_id, &entry.stamp}) write_text(out, *text);
    write_number(out, entry.rows.size());
    for (const std::uint32_t row : entry.rows) {
      write_number(out, row);
      write_number(out, static_cast<std::uint64_t>(rows_[row].ordinal));
      out.write(reinterpret_cast<const char*>(at(row)), static_cast<std::streamsize>(options_.dimension * sizeof(float)));
    }
  }
  std::string graph;
  if (graph_ && graph_->save(scratch)) graph = read_whole(scratch);
  std::error_code ignored;
  std::filesystem::remove(scratch, ignored);
  write_text(out, graph);
}

// Of a file whose checksum holds; yet nothing it says is believed where it could do harm.
Status VectorIndex::Partition::read(std::istream& in, const std::filesystem::path& scratch) {
  const Error corrupt{Errc::data_corrupt, "the file of vectors is not as it should be"};
  const std::uint64_t rows = read_number(in), documents = read_number(in);
  if (!in || rows > options_.rows_max * 2 || documents > options_.rows_max) return corrupt;
  while (rows_.size() < rows) add_row();
  for (std::uint64_t d = 0; d < documents; ++d) {
    Entry entry{read_text(in), read_text(in), read_text(in), {}};
    const std::uint64_t count = read_number(in);
    if (!in || count > rows || entry.id.empty() || places_.contains(entry.id)) return corrupt;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t row = read_number(in), ordinal = read_number(in);
      if (!in || row >= rows || rows_[row].document != nobody) return corrupt;
      in.read(reinterpret_cast<char*>(at(static_cast<std::uint32_t>(row))),
              static_cast<std::streamsize>(options_.dimension * sizeof(float)));
      rows_[row] = {static_cast<std::uint32_t>(d), static_cast<int>(ordinal), false};
      entry.rows.push_back(static_cast<std::uint32_t>(row));
    }
    alive_ += entry.rows.size();
    places_[entry.id] = static_cast<std::uint32_t>(d);
    documents_.push_back(std::move(entry));
  }
  const std::string graph = read_text(in);
  if (!in) return corrupt;
  if (!graph.empty()) {
    std::ofstream(scratch, std::ios::binary) << graph;
    auto loaded = VectorGraph::load(graph_options(options_), scratch, [&](std::uint32_t row) { return row < rows ? at(row) : nullptr; });
    std::error_code ignored;
    std::filesystem::remove(scratch, ignored);
    if (!loaded) return loaded.error();
    graph_ = std::move(loaded).value();
    for (const std::uint32_t row : graph_->rows()) {
      rows_[row].in_graph = true;
      dead_in_graph_ += rows_[row].document == nobody;
    }
  }
  for (std::uint32_t row = 0; row < rows_.size(); ++row) {
    if (rows_[row].document == nobody && !rows_[row].in_graph) free_.push_back(row);
    if (graph_ && rows_[row].document != nobody && !rows_[row].in_graph) tail_.push_back(row);
  }
  return {};
}

}  // namespace repartee::pipeline
