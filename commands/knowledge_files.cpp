// `repartee knowledge`: documents added and listed by an operator, beside a running server or not. Reading them is the server's work.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "api/document_upload.hpp"
#include "api/multipart.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "persistence/echo_repository.hpp"
#include "persistence/knowledge_store.hpp"
#include "persistence/migrate.hpp"
#include "persistence/roles.hpp"
#include "persistence/user_repository.hpp"

namespace repartee::commands {
namespace {

namespace fs = std::filesystem;
using persistence::KnowledgeStore;
using persistence::KnowledgeSummary;

constexpr Millis look_again{300};
constexpr Duration begin_patience = std::chrono::seconds(6);  // a server that runs begins within a second
constexpr std::size_t files_max = 100'000;

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return exit_failure;
}

// Folders become the files in them that can be read, in the order of their names.
std::vector<fs::path> files_of(const std::vector<std::string>& named) {
  std::vector<fs::path> files;
  for (const auto& name : named) {
    if (!fs::is_directory(name)) {
      files.emplace_back(name);
      continue;
    }
    std::vector<fs::path> found;
    for (auto entry = fs::recursive_directory_iterator(name, fs::directory_options::skip_permission_denied);
         entry != fs::recursive_directory_iterator() && found.size() < files_max; ++entry) {
      const auto ending = entry->path().extension();
      const bool readable =
          ending == ".txt" || ending == ".md" || ending == ".html" || ending == ".htm" || ending == ".pdf" || ending == ".docx";
      if (entry->is_regular_file() && readable) found.push_back(entry->path());
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

class Files {
 public:
  Files(const config::Settings& settings, const KnowledgeCommand& command, persistence::Database& app, cache::BlobStore& blobs)
      : settings_(settings), command_(command), app_(app), blobs_(blobs), store_(app) {}

  Status find_owner() {
    persistence::UserRepository users(app_);
    if (command_.user.empty()) {
      user_ = persistence::local_user_id;
    } else {
      auto id = command_.user.find('@') == std::string::npos ? users.id_of_external(command_.user) : users.id_of_email(command_.user);
      if (!id) return id.error().code == Errc::not_found ? Error{Errc::not_found, "there is no user " + command_.user} : id.error();
      user_ = *id;
    }
    if (command_.clone.empty()) return {};
    const auto clone = persistence::EchoRepository(app_).find(command_.clone, user_);
    if (!clone || clone->user_id != user_) return Error{Errc::not_found, "this user has no clone " + command_.clone};
    echo_ = clone->id;
    return {};
  }

  int add() {
    std::size_t refused = 0;
    for (const auto& file : files_of(command_.files))
      if (const auto added = add_one(file); !added) {
        std::cout << "refused  " << file.string() << ": " << added.error().message << "\n";
        ++refused;
      }
    const bool all_read = !command_.wait || wait_until_read();
    return refused == 0 && all_read ? exit_ok : exit_failure;
  }

  int list() {
    std::string cursor;
    do {
      const auto page = store_.list({.echo_id = echo_, .cursor = cursor, .limit = persistence::page_rows_max}, user_);
      if (!page) return failed(page.error());
      for (const auto& document : page->rows) show(document);
      cursor = page->next_cursor;
    } while (!cursor.empty());
    return exit_ok;
  }

 private:
  Status add_one(const fs::path& file) {
    const auto bytes_max = static_cast<std::uintmax_t>(settings_.documents.upload_mb_max) * 1024 * 1024;
    std::error_code unreadable;
    if (const auto size = fs::file_size(file, unreadable); unreadable || size > bytes_max)
      return Error{Errc::invalid_argument, unreadable ? unreadable.message() : "it is larger than [documents] upload_mb_max allows"};
    std::ifstream in(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    if (!in) return Error{Errc::unavailable, "it cannot be read"};
    const auto added = api::store_document(
        app_, blobs_, {.content = content, .filename = api::safe_filename(file.filename().string()), .echo_id = echo_}, user_, 0);
    if (!added) return added.error();
    if (added->is_new || added->document.status == "pending") waiting_.push_back(added->document.id);
    std::cout << (added->is_new ? "added    " : "there    ") << file.string() << "\n";
    return {};
  }

  // Shows each as it is done. Without a server nothing happens: then they are left to the next one.
  bool wait_until_read() {
    const auto begin_until = SteadyClock::now() + begin_patience;
    bool begun = false, fine = true;
    while (!waiting_.empty()) {
      std::this_thread::sleep_for(look_again);
      for (std::size_t i = 0; i < waiting_.size();) {
        const auto document = store_.find(waiting_[i], user_);
        if (document && document->status != "pending") begun = true;
        if (document && document->status != "completed" && document->status != "failed") {
          ++i;
          continue;
        }
        if (document) show(*document);
        fine = fine && document && document->status == "completed";
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (begun || SteadyClock::now() < begin_until) continue;
      std::cout << waiting_.size() << " wait to be read: a server does so when it runs\n";
      break;
    }
    return fine;
  }

  static void show(const KnowledgeSummary& document) {
    const auto progress = persistence::progress_of(document);
    std::cout << document.id << "  " << progress.stage;
    if (document.status == "processing") std::cout << " " << static_cast<int>(progress.done * 100) << "%";
    std::cout << "  " << document.chunk_count << " passages  " << document.filename;
    if (!document.error.empty()) std::cout << "  (" << document.error << ")";
    std::cout << std::endl;
  }

  const config::Settings& settings_;
  const KnowledgeCommand& command_;
  persistence::Database& app_;
  cache::BlobStore& blobs_;
  KnowledgeStore store_;
  std::string user_;
  std::optional<std::string> echo_;
  std::vector<std::string> waiting_;
};

}  // namespace

int knowledge_files(const config::Settings& settings, const KnowledgeCommand& command) {
  Metrics metrics;
  auto access = persistence::DatabaseAccess::open(database_options(settings), metrics);
  if (!access) return failed(access.error());
  const auto states = persistence::Migrator(access->targets().owner).status();
  if (!states) return failed(states.error());
  if (!std::all_of(states->begin(), states->end(), [](const auto& state) { return state.applied_at.has_value(); }))
    return failed({Errc::conflict, "the database's schema is not this program's: start the server, or run repartee migrate"});
  persistence::Database app(access->targets().app, {}, metrics);
  auto keys = storage_keys(settings);
  if (!keys) return failed(keys.error());
  auto blobs = cache::DirectoryBlobStore::open({.root = blob_dir(settings), .keys = std::move(*keys)}, metrics);
  if (!blobs) return failed(blobs.error());
  Files files(settings, command, app, **blobs);
  if (auto found = files.find_owner(); !found) return failed(found.error());
  return command.list ? files.list() : files.add();
}

}  // namespace repartee::commands
