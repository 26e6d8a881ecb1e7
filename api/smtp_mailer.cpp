#include "api/smtp_mailer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/bounded_queue.hpp"
#include "core/ids.hpp"
#include "core/log.hpp"
#include "core/result.hpp"

namespace repartee::api {
namespace {

constexpr Duration hour = std::chrono::hours(1);
constexpr std::size_t line_bytes_max = 900;  // RFC 5322, 2.1.1: 998, of which encoding takes none here

std::string domain_of(const std::string& address) { return address.substr(std::min(address.find('@') + 1, address.size())); }

std::string date_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &utc);
  return text;
}

// RFC 5322. Addresses and subjects hold no line ends: see Mail.
std::string message_of(const Mail& mail, const std::string& from) {
  std::string message = "Date: " + date_now() + "\r\nTo: <" + mail.to + ">\r\nFrom: Repartee <" + from + ">\r\nMessage-ID: <" + new_id("mail") + "@" +
                        domain_of(from) + ">\r\nSubject: " + mail.subject +
                        "\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 8bit\r\n\r\n";
  std::size_t column = 0;
  for (const char c : mail.text) {
    if (c == '\n' || column >= line_bytes_max) {
      message += "\r\n";
      column = 0;
    }
    if (c == '\n' || c == '\r') continue;
    message += c;
    ++column;
  }
  return message + "\r\n";
}

struct Upload {
  const std::string& text;
  std::size_t sent = 0;
  static std::size_t read(char* out, std::size_t size, std::size_t count, void* self) {
    auto& upload = *static_cast<Upload*>(self);
    const std::size_t bytes = std::min(size * count, upload.text.size() - upload.sent);
    std::memcpy(out, upload.text.data() + upload.sent, bytes);
    upload.sent += bytes;
    return bytes;
  }
};

struct Curl {
  CURL* handle = curl_easy_init();
  curl_slist* recipients = nullptr;
  ~Curl() {
    curl_slist_free_all(recipients);
    curl_easy_cleanup(handle);
  }
};

// How many mails an address got lately. Thread contract: one thread at a time.
class Throttle {
 public:
  Throttle(int mails_max, std::size_t addresses_max) : mails_max_(mails_max), addresses_max_(addresses_max) {}
  bool take(const std::string& address, TimePoint now) {
    if (sent_.size() >= addresses_max_ && !sent_.contains(address)) {
      std::erase_if(sent_, [&](const auto& entry) { return now - entry.second.back() > hour; });
      if (sent_.size() >= addresses_max_) return false;
    }
    auto& times = sent_[address];
    while (!times.empty() && now - times.front() > hour) times.pop_front();
    if (static_cast<int>(times.size()) >= mails_max_) return false;
    times.push_back(now);
    return true;
  }

 private:
  const int mails_max_;
  const std::size_t addresses_max_;
  std::unordered_map<std::string, std::deque<TimePoint>> sent_;
};

}  // namespace

struct SmtpMailer::Impl {
  Impl(Options wishes, Metrics& metrics)
      : options(std::move(wishes)),
        sent(metrics.counter("repartee_mails_total", "mails", {{"result", "sent"}})),
        failed(metrics.counter("repartee_mails_total", "mails", {{"result", "failed"}})),
        dropped(metrics.counter("repartee_mails_total", "mails", {{"result", "dropped"}})),
        throttle(options.mails_an_hour, options.addresses_max),
        queue(options.queue_mails_max) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    thread = std::thread([this] { work(); });
  }

  void work() {
    while (true) {
      auto mails = queue.pop_batch(1, std::chrono::hours(1));
      if (mails.empty() && queue.closed()) return;
      for (auto& mail : mails) deliver(mail);
    }
  }

  void deliver(const Mail& mail) {
    Status status;
    for (int attempt = 1; attempt <= options.attempts_max; ++attempt) {
      if (given_up) break;
      status = transfer(mail);
      if (status) return sent.add();
      if (status.error().code != Errc::unavailable) break;
      if (attempt < options.attempts_max) pause();
    }
    failed.add();
    log::error("mail", "a mail was not taken by the mail server", {{"subject", mail.subject}, {"error", status ? "the server is stopping" : status.error().message}});
  }

  void pause() {
    for (Millis waited{0}; waited < options.retry_after && !given_up; waited += Millis(50)) std::this_thread::sleep_for(Millis(50));
  }

  Status transfer(const Mail& mail) {
    Curl curl;
    char reason[CURL_ERROR_SIZE] = "";
    const std::string message = message_of(mail, options.from);
    Upload upload{message};
    const std::string url = (options.security == Security::tls ? "smtps://" : "smtp://") + options.server + "/" + domain_of(options.from);
    const std::string from = "<" + options.from + ">";
    curl.recipients = curl_slist_append(nullptr, ("<" + mail.to + ">").c_str());
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl.handle, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_ERRORBUFFER, reason);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_USE_SSL, options.security == Security::none ? static_cast<long>(CURLUSESSL_NONE) : static_cast<long>(CURLUSESSL_ALL));
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.username.empty()) {
      set(CURLOPT_USERNAME, options.username.c_str());
      set(CURLOPT_PASSWORD, options.password.c_str());
    }
    set(CURLOPT_MAIL_FROM, from.c_str());
    set(CURLOPT_MAIL_RCPT, curl.recipients);
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Upload::read);
    set(CURLOPT_READDATA, &upload);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.timeout.count()));
    const CURLcode result = curl_easy_perform(curl.handle);
    if (result == CURLE_OK) return {};
    long code = 0;
    curl_easy_getinfo(curl.handle, CURLINFO_RESPONSE_CODE, &code);
    const bool for_good = code >= 500 || result == CURLE_LOGIN_DENIED || result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_USE_SSL_FAILED;
    return Error{for_good ? Errc::permission_denied : Errc::unavailable,
                 std::string(*reason ? reason : curl_easy_strerror(result)) + (code > 0 ? " (" + std::to_string(code) + ")" : "")};
  }

  const Options options;
  Counter& sent;
  Counter& failed;
  Counter& dropped;
  std::mutex mutex;
  Throttle throttle;  // under the mutex
  BoundedQueue<Mail> queue;
  std::atomic<bool> given_up{false};
  std::thread thread;
};

SmtpMailer::SmtpMailer(Options options, Metrics& metrics) : impl_(std::make_unique<Impl>(std::move(options), metrics)) {}

SmtpMailer::~SmtpMailer() {
  impl_->queue.close();
  const auto until = SteadyClock::now() + impl_->options.drain;
  while (impl_->queue.size() > 0 && SteadyClock::now() < until) std::this_thread::sleep_for(Millis(10));
  impl_->given_up = true;
  impl_->thread.join();
}

void SmtpMailer::send(Mail mail) {
  bool may = false;
  {
    std::lock_guard lock(impl_->mutex);
    may = impl_->throttle.take(mail.to, SteadyClock::now());
  }
  if (may && impl_->queue.try_push(std::move(mail))) return;
  impl_->dropped.add();
  log::warn("mail", may ? "a mail was dropped: too many are waiting" : "a mail was dropped: its address got too many this hour");
}

}  // namespace repartee::api
