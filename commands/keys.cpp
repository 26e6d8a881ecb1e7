// `repartee keys`: the keys that blobs, the journal and backups are encrypted with; how to change them.
//   rotate   a new key, on top of the file: it writes from the servers' next start on
//   reseal   blobs that are open, or sealed with an older key, are written anew with the first one
//   status   which keys there are, and how many blobs each seals
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "cache/blob_store.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "persistence/cluster_home.hpp"
#include "persistence/params.hpp"

namespace repartee::commands {

namespace {

namespace fs = std::filesystem;

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return exit_failure;
}

// Durable before it takes the old one's place: losing a key file is losing everything that was sealed.
Status write_key_file(const fs::path& file, const std::string& text) {
  auto made = file;
  made += ".new";
  const int fd = ::open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return persistence::system_error(errno, "cannot write", made);
  const bool written =
      ::fchmod(fd, 0600) == 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int why = errno;
  ::close(fd);
  if (!written) return persistence::system_error(why, "cannot write", made);
  if (::rename(made.c_str(), file.c_str()) != 0) return persistence::system_error(errno, "cannot name", file);
  return {};
}

int rotate(const fs::path& file) {
  std::string old;
  if (std::error_code ignored; fs::exists(file, ignored)) {
    if (auto usable = persistence::SealingKeys::load(file); !usable) return failed(usable.error());
    std::stringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    old = text.str();
  }
  const auto made = persistence::SealingKeys::with_new_key(old, "since " + persistence::to_timestamp(std::chrono::system_clock::now()));
  if (!made) return failed(made.error());
  if (auto written = write_key_file(file, *made); !written) return failed(written.error());
  const auto keys = persistence::SealingKeys::load(file);
  if (!keys) return failed(keys.error());
  std::cout << file.string() << ": the key " << keys->writing_key_id() << " writes from the servers' next start on.\n"
            << "Keep a copy of this file away from the data, give it to every node, restart them, then run `repartee keys reseal`.\n"
            << "Older keys stay in it for as long as there are backups that were made with them.\n";
  return exit_ok;
}

int reseal(cache::DirectoryBlobStore& blobs) {
  const auto done = blobs.reseal();
  if (!done) return failed(done.error());
  std::cout << done->resealed << " blobs were sealed anew, " << done->kept << " were already";
  if (done->damaged > 0) std::cout << ", " << done->damaged << " are damaged or lack their key, and stay as they are";
  std::cout << "\n";
  return done->damaged == 0 ? exit_ok : exit_failure;
}

int status(const persistence::SealingKeys& keys, cache::DirectoryBlobStore& blobs) {
  auto counts = blobs.count_by_key();
  if (!counts) return failed(counts.error());
  for (const auto& id : keys.ids()) {
    std::cout << id << "  " << (*counts)[id] << " blobs" << (id == keys.writing_key_id() ? ", writes" : "") << "\n";
    counts->erase(id);
  }
  for (const auto& [id, count] : *counts)
    std::cout << (id.empty() ? "not encrypted" : id + "  (not in the key file)") << "  " << count << " blobs\n";
  return exit_ok;
}

}  // namespace

int keys(const config::Settings& settings, const KeysCommand& command) {
  if (settings.storage.key_file.empty()) {
    std::cerr << "[storage] key_file says nothing: name a file there, for `repartee keys rotate` to make\n";
    return exit_usage;
  }
  if (command.action == "rotate") return rotate(settings.storage.key_file);
  auto present = storage_keys(settings);
  if (!present) return failed(present.error());
  Metrics metrics;
  auto blobs = cache::DirectoryBlobStore::open({.root = blob_dir(settings), .keys = *present}, metrics);
  if (!blobs) return failed(blobs.error());
  return command.action == "reseal" ? reseal(**blobs) : status(**present, **blobs);
}

}  // namespace repartee::commands
