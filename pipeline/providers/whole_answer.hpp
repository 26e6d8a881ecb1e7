// One request to a remote engine whose answer is read as a whole, and its deadline on the loop: whichever ends first.
// Thread contract: made, closed and destroyed on the call's loop; `done` runs there, once, unless closed before.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "pipeline/http_client.hpp"
#include "pipeline/providers/closing_handle.hpp"

namespace repartee::pipeline {

template <class T>
class WholeAnswer final : public std::enable_shared_from_this<WholeAnswer<T>> {
 public:
  using Read = std::function<Result<T>(const Result<HttpResponse>&)>;
  WholeAnswer(Read read, std::function<void(Result<T>)> done) : read_(std::move(read)), done_(std::move(done)) {}

  void start(HttpClient& http, Loop& loop, HttpRequest request, Duration timeout, std::string late) {
    const std::weak_ptr<WholeAnswer> weak = this->weak_from_this();
    timer_ = loop.after(timeout, [weak, late = std::move(late)] {
      if (auto self = weak.lock()) self->end(Error{Errc::deadline_exceeded, late});
    });
    fetch_ = http.fetch_whole(loop, std::move(request), [weak](Result<HttpResponse> response) {
      if (auto self = weak.lock()) self->end(self->read_(response));
    });
  }
  void close() {
    closed_ = true;
    fetch_.reset();
    timer_.reset();
  }

 private:
  void end(Result<T> result) {
    if (closed_) return;
    const auto keep = this->shared_from_this();
    close();
    done_(std::move(result));
  }

  const Read read_;
  const std::function<void(Result<T>)> done_;
  StreamPtr fetch_, timer_;
  bool closed_ = false;
};

// `late`: the error's text when no answer comes within `timeout`.
template <class T>
StreamPtr fetch_answer(HttpClient& http, Loop& loop, HttpRequest request, Duration timeout, std::string late,
                       typename WholeAnswer<T>::Read read, std::function<void(Result<T>)> done) {
  auto call = std::make_shared<WholeAnswer<T>>(std::move(read), std::move(done));
  call->start(http, loop, std::move(request), timeout, std::move(late));
  return closing_handle(std::move(call));
}

}  // namespace repartee::pipeline
