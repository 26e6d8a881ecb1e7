#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cache/blob_store.hpp"
#include "core/ids.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::cache {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct BlobStoreTest : ::testing::Test {
  persistence::test::TempDir dir;
  Metrics metrics;
  std::unique_ptr<DirectoryBlobStore> open(const fs::path& key_file = {}, std::size_t bytes_max = 1 << 20) {
    std::shared_ptr<const persistence::SealingKeys> keys;
    if (!key_file.empty())
      keys = std::make_shared<const persistence::SealingKeys>(std::move(persistence::SealingKeys::load(key_file)).value());
    auto store =
        DirectoryBlobStore::open({.root = dir.path() / "blobs", .keys = keys, .blob_bytes_max = bytes_max, .sweep_batch = 2}, metrics);
    if (!store) throw std::runtime_error(store.error().message);
    return std::move(*store);
  }
  fs::path key_file(const std::string& name, const std::string& text) {
    const auto file = dir.path() / name;
    std::ofstream(file) << text;
    fs::permissions(file, fs::perms(0600));
    return file;
  }
  std::vector<fs::path> files() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(dir.path() / "blobs"))
      if (entry.is_regular_file()) found.push_back(entry.path());
    return found;
  }
  static std::string content_of(const fs::path& file) {
    std::stringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
  BlobInfo kept(DirectoryBlobStore& store, const std::string& content) {
    auto info = store.stage("audio", content);
    EXPECT_TRUE(info && store.publish(info->key));
    return *info;
  }
};

TEST_F(BlobStoreTest, KeepsABlobUnderItsNameOnceItIsPublished) {
  auto store = open();
  const auto info = store->stage("voice", "samples");
  ASSERT_TRUE(info);
  EXPECT_TRUE(is_blob_key(info->key));
  EXPECT_EQ(info->size_bytes, 7u);
  EXPECT_EQ(info->checksum.size(), 64u);
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(files()[0].parent_path().filename(), "staging");
  ASSERT_TRUE(store->publish(info->key));
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(fs::relative(files()[0], dir.path() / "blobs").string().size(), 6 + info->key.size()) << "two levels of two characters";
  EXPECT_EQ(*store->read(info->key), "samples");
  EXPECT_TRUE(store->publish(info->key)) << "may be said again";
  ASSERT_TRUE(store->remove(info->key));
  EXPECT_TRUE(store->remove(info->key));
  EXPECT_EQ(store->read(info->key).error().code, Errc::not_found);
  EXPECT_EQ(store->publish(info->key).error().code, Errc::not_found);
}

TEST_F(BlobStoreTest, ReadsWhatACrashLeftStaged) {
  const auto key = open()->stage("audio", "half way")->key;
  auto store = open();
  EXPECT_EQ(*store->read(key), "half way");
  const auto swept = store->sweep([](auto keys) { return Result(std::set<std::string>(keys.begin(), keys.end())); }, 0s);
  ASSERT_TRUE(swept);
  EXPECT_EQ(swept->published, 1u);
  EXPECT_NE(files()[0].parent_path().filename(), "staging");
  EXPECT_EQ(*store->read(key), "half way");
}

TEST_F(BlobStoreTest, NoticesDamageOnReading) {
  auto store = open();
  const auto key = kept(*store, "precious").key;
  const auto file = files()[0];
  std::string bytes = content_of(file);
  for (const auto& damaged : {bytes.substr(0, bytes.size() - 1), bytes + "x", std::string(), bytes.substr(0, 10), "X" + bytes.substr(1)}) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
    EXPECT_EQ(store->read(key).error().code, Errc::data_corrupt);
  }
  bytes.back() ^= 1;
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  EXPECT_EQ(store->read(key).error().code, Errc::data_corrupt);
  EXPECT_EQ(metrics.counter("repartee_blob_corrupt_total", "blobs whose checksum did not hold when they were read").value(), 6);
}

TEST_F(BlobStoreTest, SealsBlobsWhenThereIsAKeyFileAndReadsOlderOnes) {
  const std::string a(64, 'a'), b(64, 'b');
  const auto plain = kept(*open(), "written in the clear");
  const auto sealed = kept(*open(key_file("one", "k1:" + a)), "written sealed");
  for (const auto& file : files())
    if (file.filename() == sealed.key) {
      EXPECT_EQ(content_of(file).find("written sealed"), std::string::npos);
      EXPECT_EQ(content_of(file).find(sealed.checksum), std::string::npos) << "the checksum would tell what it is";
    }
  auto rotated = open(key_file("two", "k2:" + b + "\nk1:" + a));
  EXPECT_EQ(*rotated->read(plain.key), "written in the clear");
  EXPECT_EQ(*rotated->read(sealed.key), "written sealed");
  EXPECT_EQ(open()->read(sealed.key).error().code, Errc::not_found);
}

TEST_F(BlobStoreTest, SealsBlobsAnewAfterARotationSoThatTheOldKeyMayGo) {
  const std::string a = "k1:" + std::string(64, 'a') + "\n", b = "k2:" + std::string(64, 'b') + "\n";
  const auto plain = kept(*open(), "written in the clear");
  const auto first = kept(*open(key_file("one", a)), "written first");
  const auto staged = open(key_file("one-again", a))->stage("audio", "staged, not published");
  ASSERT_TRUE(staged);
  auto rotated = open(key_file("two", b + a));
  const auto second = kept(*rotated, "written second");
  EXPECT_EQ(*rotated->count_by_key(), (std::map<std::string, std::size_t>{{"", 1}, {"k1", 2}, {"k2", 1}}));
  const auto done = rotated->reseal();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->resealed, 3u);
  EXPECT_EQ(done->kept, 1u);
  EXPECT_EQ(*rotated->count_by_key(), (std::map<std::string, std::size_t>{{"k2", 4}}));
  auto without_the_old = open(key_file("three", b));
  EXPECT_EQ(*without_the_old->read(plain.key), "written in the clear");
  EXPECT_EQ(*without_the_old->read(first.key), "written first");
  EXPECT_EQ(*without_the_old->read(staged->key), "staged, not published");
  EXPECT_EQ(*without_the_old->read(second.key), "written second");
  EXPECT_EQ(without_the_old->reseal()->kept, 4u) << "once";
}

TEST_F(BlobStoreTest, LeavesABlobWhoseKeyIsGoneAsItIs) {
  const auto lost = kept(*open(key_file("one", "k1:" + std::string(64, 'a'))), "sealed with a key that was lost");
  auto store = open(key_file("two", "k2:" + std::string(64, 'b')));
  EXPECT_EQ(store->read(lost.key).error().code, Errc::not_found);
  EXPECT_EQ(store->reseal()->damaged, 1u);
  EXPECT_EQ(*open(key_file("three", "k1:" + std::string(64, 'a')))->read(lost.key), "sealed with a key that was lost");
}

TEST_F(BlobStoreTest, DoesNotTakeOneSealedBlobForAnother) {
  auto store = open(key_file("keys", "k1:" + std::string(64, 'a')));
  const auto one = kept(*store, "one"), two = kept(*store, "two");
  std::map<std::string, fs::path> by_key;
  for (const auto& file : files()) by_key[file.filename()] = file;
  fs::copy_file(by_key[one.key], by_key[two.key], fs::copy_options::overwrite_existing);
  EXPECT_EQ(store->read(two.key).error().code, Errc::data_corrupt);
}

TEST_F(BlobStoreTest, RefusesWhatIsTooLargeAndKeysThatAreNone) {
  auto store = open({}, 10);
  EXPECT_EQ(store->stage("audio", "12345678901").error().code, Errc::invalid_argument);
  EXPECT_TRUE(store->stage("audio", "1234567890"));
  for (const char* kind : {"", "Audio", "../x", "a/b", "a-b"}) EXPECT_FALSE(store->stage(kind, "x")) << kind;
  const std::string uuid = new_uuid();
  for (const std::string& key :
       {std::string("../../etc/passwd"), std::string(), "audio/" + uuid, "../audio-" + uuid, "audio-" + uuid + "/..", uuid})
    EXPECT_EQ(store->read(key).error().code, Errc::invalid_argument) << key;
}

TEST_F(BlobStoreTest, SweepsOrphansOnly) {
  auto store = open();
  std::set<std::string> rows;
  for (int i = 0; i < 5; ++i) {
    const auto info = kept(*store, std::to_string(i));
    if (i % 2 == 0) rows.insert(info.key);
  }
  const auto in_rows = [&](std::span<const std::string> keys) -> Result<std::set<std::string>> {
    EXPECT_LE(keys.size(), 2u) << "in batches";
    std::set<std::string> found;
    for (const auto& key : keys)
      if (rows.contains(key)) found.insert(key);
    return found;
  };
  EXPECT_EQ(store->sweep(in_rows, 1h)->removed, 0u) << "too young: its row may be on the way";
  const auto away = store->sweep([](auto) -> Result<std::set<std::string>> { return Error{Errc::unavailable, "away"}; }, 0s);
  EXPECT_FALSE(away);
  EXPECT_EQ(files().size(), 5u) << "not knowing is no reason to remove";
  const auto swept = store->sweep(in_rows, 0s);
  ASSERT_TRUE(swept);
  EXPECT_EQ(swept->removed, 2u);
  EXPECT_EQ(swept->kept, 3u);
  for (const auto& key : rows) EXPECT_TRUE(store->read(key));
}

TEST_F(BlobStoreTest, SaysWhatStandsInTheWayOfWriting) {
  auto store = open();
  fs::remove_all(dir.path() / "blobs" / "staging");
  std::ofstream(dir.path() / "blobs" / "staging") << "in the way";
  const auto info = store->stage("audio", "x");
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, Errc::unavailable);
  EXPECT_NE(info.error().message.find("staging"), std::string::npos);
}

}  // namespace
}  // namespace repartee::cache
