#include "pipeline/vector_graph.hpp"

// Its hand-made prefetching reads an int beyond a list's end, and prefetches places, not vectors, here: without it.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cstring>

#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

using Pointer = const float*;  // what a node holds

float distance(const void* a, const void* b, const void* dimension) {
  Pointer x, y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  return 1 - inner_product(x, y, *static_cast<const std::size_t*>(dimension));
}

class PlacesSpace final : public hnswlib::SpaceInterface<float> {
 public:
  explicit PlacesSpace(std::size_t dimension) : dimension_(dimension) {}
  size_t get_data_size() override { return sizeof(Pointer); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &dimension_; }

 private:
  std::size_t dimension_;
};

}  // namespace

struct VectorGraph::Impl {
  Impl(const Options& wanted, std::size_t capacity)
      : options(wanted), space(wanted.dimension), nodes(&space, std::max<std::size_t>(capacity, 1), wanted.links, wanted.build_candidates) {
    nodes.setEf(wanted.search_candidates);
  }
  Impl(const Options& wanted, const std::string& file) : options(wanted), space(wanted.dimension), nodes(&space, file) {
    nodes.setEf(wanted.search_candidates);
  }

  const Options options;
  PlacesSpace space;
  hnswlib::HierarchicalNSW<float> nodes;
};

VectorGraph::VectorGraph(const Options& options, std::size_t capacity) : impl_(std::make_unique<Impl>(options, capacity)) {}
VectorGraph::VectorGraph(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorGraph::~VectorGraph() = default;

void VectorGraph::add(std::uint32_t row, const float* vector) {
  auto& nodes = impl_->nodes;
  if (nodes.cur_element_count >= nodes.max_elements_) nodes.resizeIndex(nodes.max_elements_ + nodes.max_elements_ / 2 + 1024);
  const Pointer place = vector;
  nodes.addPoint(&place, row);
}

void VectorGraph::remove(std::uint32_t row) { impl_->nodes.markDelete(row); }

std::vector<VectorGraph::Near> VectorGraph::search(const float* question, std::size_t count) const {
  const Pointer place = question;
  auto found = impl_->nodes.searchKnn(&place, count);
  std::vector<Near> near(found.size());
  for (std::size_t i = near.size(); i > 0; found.pop()) near[--i] = {1 - found.top().first, static_cast<std::uint32_t>(found.top().second)};
  return near;
}

std::size_t VectorGraph::size() const { return impl_->nodes.cur_element_count; }

std::vector<std::uint32_t> VectorGraph::rows() const {
  std::vector<std::uint32_t> rows;
  for (std::size_t node = 0; node < size(); ++node)
    rows.push_back(static_cast<std::uint32_t>(impl_->nodes.getExternalLabel(static_cast<hnswlib::tableint>(node))));
  return rows;
}

Status VectorGraph::save(const std::filesystem::path& file) const {
  try {
    impl_->nodes.saveIndex(file.string());
  } catch (const std::exception& failure) {
    return Error{Errc::unavailable, std::string("the vectors' graph cannot be written: ") + failure.what()};
  }
  return {};
}

Result<std::unique_ptr<VectorGraph>> VectorGraph::load(const Options& options, const std::filesystem::path& file,
                                                       const std::function<const float*(std::uint32_t)>& place) {
  const Error corrupt{Errc::data_corrupt, "the vectors' graph cannot be read"};
  try {
    auto impl = std::make_unique<Impl>(options, file.string());
    auto& nodes = impl->nodes;
    if (nodes.data_size_ != sizeof(Pointer)) return corrupt;
    for (std::size_t node = 0; node < nodes.cur_element_count; ++node) {
      const auto id = static_cast<hnswlib::tableint>(node);
      const Pointer vector = place(static_cast<std::uint32_t>(nodes.getExternalLabel(id)));
      if (!vector) return corrupt;
      std::memcpy(nodes.getDataByInternalId(id), &vector, sizeof vector);
    }
    return std::unique_ptr<VectorGraph>(new VectorGraph(std::move(impl)));
  } catch (const std::exception&) { return corrupt; }
}

}  // namespace repartee::pipeline
