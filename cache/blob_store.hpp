// Large things that rows point to: recordings, syntheses, documents. A blob is written in two steps, so that no row ever points to nothing:
// stage() makes it durable under a temporary name, the caller commits the row that holds its key, publish() gives it its name. A crash
// between the two leaves a staged blob that reading finds all the same; a blob without a row is removed by sweep().
// The checksum is verified whenever a blob is read. With keys, blobs are sealed (sealed_bytes.hpp); blobs from before stay readable.
// Thread contract: every member from any thread; all block on the disk, so never from a loop.
// Errors: invalid_argument (key, size), not_found, data_corrupt, resource_exhausted (disk full), unavailable (disk).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/metrics.hpp"
#include "core/result.hpp"
#include "persistence/sealed_bytes.hpp"

namespace repartee::cache {

struct BlobInfo {
  std::string key;       // what a row's blob_key holds
  std::string checksum;  // SHA-256 of the content, in hexadecimal
  std::size_t size_bytes = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // kind: "voice", "audio" ...: lower-case letters; begins the key.
  virtual Result<BlobInfo> stage(std::string_view kind, std::string_view content) = 0;
  virtual Status publish(const std::string& key) = 0;  // also when it is published already
  virtual Result<std::string> read(const std::string& key) = 0;
  virtual Status remove(const std::string& key) = 0;  // also when there is none
  // Which of these keys does a row point to? Asked in batches.
  using Referenced = std::function<Result<std::set<std::string>>(std::span<const std::string> keys)>;
  struct Swept {
    std::size_t kept = 0, removed = 0, published = 0;
  };
  // Removes what is older than `grace` and not referenced, and publishes what is staged and referenced. Stops at the first error.
  virtual Result<Swept> sweep(const Referenced& referenced, Duration grace) = 0;
};

// Blobs as files: <root>/ab/cd/<key>, staged ones in <root>/staging. A file: "RPB1", the content's SHA-256
// (64 hexadecimal digits), the content; with keys all of that sealed.
class DirectoryBlobStore final : public BlobStore {
 public:
  struct Options {
    std::filesystem::path root;
    std::shared_ptr<const persistence::SealingKeys> keys;  // null: not encrypted
    std::size_t blob_bytes_max = 256 * 1024 * 1024;
    std::size_t sweep_batch = 500;  // keys asked for at once
  };
  static Result<std::unique_ptr<DirectoryBlobStore>> open(Options options, Metrics& metrics);

  Result<BlobInfo> stage(std::string_view kind, std::string_view content) override;
  Status publish(const std::string& key) override;
  Result<std::string> read(const std::string& key) override;
  Status remove(const std::string& key) override;
  Result<Swept> sweep(const Referenced& referenced, Duration grace) override;

  // Writes what is open, or sealed with an older key, anew with the first key. A server may be at work: a blob it removes meanwhile may
  // come back, which its sweep mends.
  struct Resealed {
    std::size_t kept = 0, resealed = 0, damaged = 0;
  };
  Result<Resealed> reseal();
  Result<std::map<std::string, std::size_t>> count_by_key();  // by the key's id, "" for open ones

 private:
  DirectoryBlobStore(Options options, Metrics& metrics);
  std::filesystem::path staged(const std::string& key) const { return options_.root / "staging" / key; }
  std::filesystem::path published(const std::string& key) const;
  Result<std::vector<std::filesystem::path>> all_files() const;
  Result<std::string> in_file_form(const std::string& key, std::string_view content, const std::string& checksum) const;
  Status replace(const std::filesystem::path& file, std::string_view bytes);
  Status sweep_batch(std::vector<std::filesystem::path>& files, const Referenced& referenced, Swept& swept);

  const Options options_;
  Counter& written_bytes_;
  Counter& corrupt_;
  Counter& removed_;
};

bool is_blob_key(std::string_view key);  // kind-uuid: nothing that could leave the directory

}  // namespace repartee::cache
