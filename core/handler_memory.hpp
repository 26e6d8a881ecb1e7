// Memory for what one loop allocates again and again: the operations Asio makes of handlers, timers. A block that is given back is taken
// again, so that a steady call allocates nothing.
// Thread contract: one thread at a time, in practice the loop's; outlives everything that was taken from it.
// Memory: blocks are kept up to block_bytes_max each, as many as were in use at once; larger ones go to the heap.
#pragma once
#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace repartee {

class HandlerMemory {
 public:
  static constexpr std::size_t step_bytes = 64, block_bytes_max = 512;

  HandlerMemory() = default;
  ~HandlerMemory() {
    for (Free*& list : free_)
      while (list) ::operator delete(std::exchange(list, list->next));
  }
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  void* take(std::size_t bytes) {
    if (bytes > block_bytes_max) return ::operator new(bytes);
    Free*& list = free_[place_of(bytes)];
    if (list) return std::exchange(list, list->next);
    return ::operator new((place_of(bytes) + 1) * step_bytes);
  }
  void give_back(void* block, std::size_t bytes) noexcept {
    if (bytes > block_bytes_max) return ::operator delete(block);
    Free*& list = free_[place_of(bytes)];
    list = ::new (block) Free{list};
  }

 private:
  struct Free {
    Free* next;
  };
  static std::size_t place_of(std::size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / step_bytes; }

  std::array<Free*, block_bytes_max / step_bytes> free_{};
};

// The allocator that tells Asio of it.
template <class T>
class HandlerAllocator {
 public:
  using value_type = T;
  explicit HandlerAllocator(HandlerMemory& memory) noexcept : memory_(&memory) {}
  template <class Other>
  HandlerAllocator(const HandlerAllocator<Other>& other) noexcept : memory_(other.memory_) {}
  T* allocate(std::size_t count) { return static_cast<T*>(memory_->take(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept { memory_->give_back(block, count * sizeof(T)); }
  template <class Other>
  bool operator==(const HandlerAllocator<Other>& other) const noexcept {
    return memory_ == other.memory_;
  }

 private:
  template <class>
  friend class HandlerAllocator;
  HandlerMemory* memory_;
};

// A handler whose operation lives in `memory`. For operations begun on the loop's own thread.
template <class Handler>
class Recycled {
 public:
  using allocator_type = HandlerAllocator<std::byte>;
  Recycled(HandlerMemory& memory, Handler handler) : memory_(memory), handler_(std::move(handler)) {}
  allocator_type get_allocator() const noexcept { return memory_; }
  template <class... Arguments>
  void operator()(Arguments&&... arguments) {
    handler_(std::forward<Arguments>(arguments)...);
  }

 private:
  allocator_type memory_;
  Handler handler_;
};
template <class Handler>
Recycled<Handler> recycled(HandlerMemory& memory, Handler handler) {
  return {memory, std::move(handler)};
}

}  // namespace repartee
