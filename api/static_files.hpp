// The page: the files of web/, built into the program, or read from a directory while somebody works on them.
// Thread contract: immutable after construction; serve() from any thread. From a directory it reads the disk on the calling thread:
// for development only.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "api/router.hpp"

namespace repartee::api {

class StaticFiles {
 public:
  struct Options {
    std::string web_dir{};  // empty: the built-in copy
  };
  explicit StaticFiles(Options options);
  transport::Response serve(const transport::Request& request) const;  // GET and HEAD; "/" is index.html, "/x" may be x.html

 private:
  struct File {
    std::string_view bytes;
    std::string etag;
  };

  transport::Response serve_built_in(const transport::Request& request) const;
  transport::Response serve_from_disk(const transport::Request& request) const;

  std::string web_dir_;                                // canonical; "" built-in
  std::map<std::string, File, std::less<>> built_in_;  // by path without the first '/'
};

void add_static_files(Router& router, std::shared_ptr<const StaticFiles> files);  // as the router's fallback

}  // namespace repartee::api
