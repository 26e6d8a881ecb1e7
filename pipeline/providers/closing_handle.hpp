// The handle of a call whose state is shared with callbacks that hold it weakly: destroying it closes the call.
// Thread contract: made and destroyed on the call's loop.
#pragma once
#include <memory>

#include "core/loop.hpp"

namespace repartee::pipeline {

template <class Call>  // has close(), which may be called twice
class ClosingHandle final : public Stream {
 public:
  explicit ClosingHandle(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~ClosingHandle() override { call_->close(); }

 private:
  const std::shared_ptr<Call> call_;
};

template <class Call>
StreamPtr closing_handle(std::shared_ptr<Call> call) { return std::make_unique<ClosingHandle<Call>>(std::move(call)); }

}  // namespace repartee::pipeline
