// `repartee privacy`: what a person may ask for (persistence/privacy.hpp), by hand. A running server does the erasure itself, since it
// knows what is under way and in memory; without one it is done here.
#include "persistence/privacy.hpp"

#include <iostream>
#include <thread>

#include "cache/blob_store.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "commands/housekeeping.hpp"
#include "persistence/jobs.hpp"
#include "persistence/roles.hpp"
#include "persistence/turn_recorder.hpp"

namespace repartee::commands {
namespace {

namespace fs = std::filesystem;
using persistence::Params;
using persistence::Statement;

constexpr Duration server_takes_it_within = std::chrono::seconds(10);
constexpr Millis job_poll(250);
constexpr Statement find_person{"privacy_find", R"(
  SELECT id, email, coalesce(external_id, '') AS external_id, deleted_at IS NOT NULL AS deleted FROM users
  WHERE id::text = lower($1) OR lower(email) = lower($1) OR external_id = $1 OR username = $1)"};

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return error.code == Errc::invalid_argument ? exit_usage : exit_failure;
}

struct Person {
  std::string id, name;
};
Result<Person> find(persistence::Database& owner, const std::string& wanted) {
  auto rows = owner.run([&](persistence::Transaction& t) { return t.exec(find_person, Params(wanted)); });
  if (!rows) return rows.error();
  if (rows->empty()) return Error{Errc::not_found, "there is no user with this id, e-mail address, external id or name: " + wanted};
  if (rows->size() > 1) return Error{Errc::conflict, "that fits several users: give the id"};
  const auto row = (*rows)[0];
  if (row.text("id") == persistence::system_user_id) return Error{Errc::invalid_argument, "that is the system's own user"};
  return Person{row.text("id"), row.text("email") + (row.boolean("deleted") ? " (deleted)" : "")};
}

// What of the journal a start would bring back, or keeps. Names only.
std::vector<std::string> in_journal(const config::Settings& settings, std::string_view extension) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(fs::path(settings.server.data_dir) / "journal", none))
    if (entry.path().extension() == extension && entry.file_size(none) > 0) files.push_back(entry.path().string());
  return files;
}

void tell(const persistence::Privacy::Erased& erased, const Person& person) {
  std::cout << "erased " << person.id << ": " << erased.total() << " rows\n";
  for (const auto& [table, rows] : erased.rows)
    if (rows > 0) std::cout << "  " << table << " " << rows << "\n";
}

// The parts that an export or an erasure outside of a server needs.
class Office {
 public:
  Office(const config::Settings& settings, const persistence::DatabaseTargets& targets, std::unique_ptr<cache::BlobStore> blobs,
         persistence::Database& owner, Metrics& metrics)
      : blobs_(std::move(blobs)),
        recording_(targets.recorder, {.name = "recorder"}, metrics),
        recorder_(recording_, {.shutdown_budget = settings.recorder.shutdown_budget}, metrics),
        retention_(owner, {}, {}),
        privacy_(owner, recorder_, hooks()) {}
  persistence::Privacy& privacy() { return privacy_; }

 private:
  persistence::Privacy::Hooks hooks() {
    persistence::Privacy::Hooks hooks;
    hooks.read_blob = [this](const std::string& key, const persistence::ByteSink& sink) -> Status {
      const auto bytes = blobs_->read(key);
      return bytes ? sink(*bytes) : bytes.error();
    };
    hooks.release_blobs = [this](const std::vector<std::string>& keys) { release_unreferenced(retention_, *blobs_, keys); };
    return hooks;
  }

  const std::unique_ptr<cache::BlobStore> blobs_;
  persistence::Database recording_;
  persistence::TurnRecorder recorder_;  // of the audit line
  persistence::Retention retention_;
  persistence::Privacy privacy_;
};

// True: a server has done it. False: no server took it up.
Result<bool> erased_by_server(persistence::Database& owner, const Person& person) {
  persistence::JobQueue jobs(owner);
  const auto id = jobs.enqueue(persistence::Privacy::erasure_job(person.id));
  if (!id) return id.error();
  for (const auto until = SteadyClock::now() + server_takes_it_within;; std::this_thread::sleep_for(job_poll)) {
    const auto job = jobs.find(*id, "");
    if (!job) return job.error();
    if (job->status == "completed") {
      std::cout << "erased " << person.id << " by the running server: " << job->result_json << "\n";
      return true;
    }
    if (job->status == "cancelled") return false;  // of an earlier attempt
    if (job->status == "dead") return Error{Errc::internal, "the server gave up: " + job->error};
    if (job->status == "queued" && job->attempts == 0 && SteadyClock::now() >= until && jobs.cancel(*id, "")) return false;
  }
}

int erase(const config::Settings& settings, const PrivacyCommand& command, const persistence::DatabaseAccess& access, const Person& person,
          persistence::Database& owner, Office& office) {
  if (!command.yes) {
    std::cerr << "This would erase " << person.id << ", " << person.name << ", with everything of theirs, for good. Add --yes to do it.\n";
    return exit_usage;
  }
  if (access.may_be_served()) {
    const auto done = erased_by_server(owner, person);
    if (!done) return failed(done.error());
    if (*done) return exit_ok;
  }
  if (const auto left = in_journal(settings, ".log"); !left.empty())
    return failed({Errc::conflict, left.front() +
                                       " holds turns that are not in the database yet, which the next start would bring back: start the "
                                       "server once, then try again"});
  const auto erased = office.privacy().erase_user(person.id);
  if (!erased) return failed(erased.error());
  tell(*erased, person);
  return exit_ok;
}

}  // namespace

int privacy(const config::Settings& settings, const PrivacyCommand& command) {
  Metrics metrics;
  auto access = persistence::DatabaseAccess::open(database_options(settings), metrics);
  if (!access) return failed(access.error());
  auto keys = storage_keys(settings);
  if (!keys) return failed(keys.error());
  auto blobs = cache::DirectoryBlobStore::open({.root = blob_dir(settings), .keys = *keys}, metrics);
  if (!blobs) return failed(blobs.error());
  persistence::Database owner(access->targets().owner, {.name = "owner"}, metrics);
  const auto person = find(owner, command.user);
  if (!person) return failed(person.error());
  Office office(settings, access->targets(), std::move(blobs).value(), owner, metrics);
  if (command.action == PrivacyCommand::Action::erase) {
    const int code = erase(settings, command, *access, *person, owner, office);
    for (const auto& file : in_journal(settings, ".corrupt"))
      std::cerr << "a damaged part of the journal may still hold what was said; look at it and remove it: " << file << "\n";
    return code;
  }
  if (command.file.empty()) return failed({Errc::invalid_argument, "say where to: repartee privacy export USER FILE.zip"});
  const auto bytes = office.privacy().export_to_file(person->id, command.file);
  if (!bytes) return failed(bytes.error());
  std::cout << command.file << ": everything of " << person->id << ", " << *bytes << " bytes\n";
  return exit_ok;
}

}  // namespace repartee::commands
