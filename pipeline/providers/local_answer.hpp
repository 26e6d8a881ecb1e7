// The local responder's answer to the last message of a conversation.
// Thread contract: a value made for one answer; pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"
#include "pipeline/providers/knowledge.hpp"
#include "pipeline/providers/local_responder.hpp"
#include "pipeline/providers/small_talk.hpp"

namespace repartee::pipeline {

class LocalAnswer {
 public:
  LocalAnswer(const LlmRequest& request, const LocalResponderOptions& options);
  std::string text() const;

 private:
  using Variants = std::initializer_list<std::string_view>;
  struct Sentence {
    std::string text;
    Utterance heard;
  };

  std::string answer_to(const std::vector<Sentence>& sentences, const Sentence& target) const;
  std::string small_talk(const Sentence& sentence) const;
  std::string reply_to_question(const Sentence& sentence) const;
  std::string reply_to_statement(const Sentence& sentence) const;
  std::string greeting() const;
  std::string who_i_am() const;
  std::string my_name() const;
  std::string abilities() const;
  std::string users_name_answer() const;
  std::string what_i_said(const Sentence& sentence, Role role) const;
  std::string first_words() const;
  std::string summary() const;
  std::string more() const;
  std::string look_up(const std::string& question) const;
  std::string recall(const Sentence& sentence) const;
  std::string do_not_know() const;
  std::string suggestion() const;
  std::vector<std::string> some_topics() const;

  std::string previous(Role role) const;                       // the newest earlier message of that role; empty: none
  std::string previous_question() const;                       // the newest earlier one that asked for something
  std::vector<std::string> texts(Role role) const;             // earlier messages, oldest first
  std::optional<std::string> users_name() const;               // as stated, newest first
  std::string pick(Variants variants) const;                   // by the hash of the conversation; not what was said last

  Knowledge knowledge_;
  std::vector<ChatMessage> earlier_;
  std::string now_;
  std::size_t hash_ = 0;
};

}  // namespace repartee::pipeline
