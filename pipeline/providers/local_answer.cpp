#include "pipeline/providers/local_answer.hpp"

#include <algorithm>

#include "pipeline/providers/persona_text.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

constexpr double context_weight = 0.5;
constexpr double recall_coverage_min = 0.5;
constexpr std::size_t topics_known = 6, topics_told = 3;
constexpr std::size_t quoted_chars_max = 200;
constexpr std::size_t summary_lines_max = 3;

// FNV-1a, so that the same conversation gives the same answer on every machine.
std::size_t mix(std::size_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

bool holds(const std::vector<std::string>& words, std::initializer_list<std::string_view> wanted) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return std::find(wanted.begin(), wanted.end(), word) != wanted.end(); });
}

bool begins_with(const std::vector<std::string>& words, std::string_view phrase) {
  std::string text;
  for (const std::string& word : words) text += word + ' ';
  return text.starts_with(std::string(phrase) + ' ');
}

bool about_the_user(const std::vector<std::string>& words) { return holds(words, {"i", "my", "me", "mine", "we", "our"}); }

bool only_polite(Intent intent) {
  return intent == Intent::none || intent == Intent::greeting || intent == Intent::yes || intent == Intent::no || intent == Intent::thanks || intent == Intent::compliment ||
         intent == Intent::apology;
}

std::string list_of(const std::vector<std::string>& things, std::string_view last_joint) {
  std::string text;
  for (std::size_t i = 0; i < things.size(); ++i) {
    if (i > 0) text += i + 1 == things.size() ? ' ' + std::string(last_joint) + ' ' : std::string(", ");
    text += things[i];
  }
  return text;
}

std::string quoted(std::string_view text) {
  std::string plain = normalise_spaces(text);
  if (plain.size() > quoted_chars_max) plain = plain.substr(0, utf8_cut(plain, quoted_chars_max)) + "...";
  return '"' + plain + '"';
}

// What stands after "about" in "what did I say about my dog?".
std::string after_about(const std::vector<std::string>& words) {
  const auto about = std::find(words.begin(), words.end(), "about");
  std::string text;
  if (about != words.end()) std::for_each(about + 1, words.end(), [&](const std::string& word) { text += word + ' '; });
  return text;
}

// "I live in Paris." -> "you live in Paris."
std::string told(const std::string& sentence) {
  std::string text = with_full_stop(to_second_person(sentence));
  const std::string first = to_lower(text.substr(0, text.find(' ')));
  if (first == "you" || first == "your" || first == "you're" || first == "you've") text[0] = 'y';
  return text;
}

}  // namespace

std::string local_answer(const LlmRequest& request, const LocalResponderOptions& options) { return LocalAnswer(request, options).text(); }

LocalAnswer::LocalAnswer(const LlmRequest& request, const LocalResponderOptions& options)
    : knowledge_(request, {options.persona_bytes_max, options.passages_max}), hash_(mix(14695981039346656037u, request.clone_name)) {
  const std::size_t skip = request.messages.size() - std::min(request.messages.size(), options.history_messages_max);
  earlier_.assign(request.messages.begin() + static_cast<std::ptrdiff_t>(skip), request.messages.end());
  for (const ChatMessage& message : earlier_) hash_ = mix(hash_, message.text);
  if (!earlier_.empty() && earlier_.back().role == Role::user) {
    now_ = std::move(earlier_.back().text);
    earlier_.pop_back();
  }
}

std::string LocalAnswer::text() const {
  if (now_.empty()) return earlier_.empty() ? greeting() : pick({"I am still here. What would you like to know?", "Go ahead, I am listening."});
  std::vector<Sentence> sentences;
  for (std::string& sentence : split_sentences(now_)) {
    Utterance heard = understand(sentence, knowledge_.name());
    sentences.push_back({std::move(sentence), std::move(heard)});
  }
  if (sentences.empty()) return pick({"I did not catch that. Could you say it again?", "Sorry, I did not understand that."});
  const auto asks = [](const Sentence& s) { return !only_polite(s.heard.intent) || (s.heard.question && s.heard.intent == Intent::none); };
  const auto talks = [](const Sentence& s) { return s.heard.intent != Intent::none && s.heard.intent != Intent::greeting; };
  auto target = std::find_if(sentences.rbegin(), sentences.rend(), asks);
  if (target == sentences.rend()) target = std::find_if(sentences.rbegin(), sentences.rend(), talks);
  return answer_to(sentences, target == sentences.rend() ? sentences.back() : *target);
}

std::string LocalAnswer::answer_to(const std::vector<Sentence>& sentences, const Sentence& target) const {
  std::string lead;
  for (const Sentence& sentence : sentences) {
    if (const auto name = stated_name(sentence.text)) {
      if (&sentence == &target) return pick({"Nice to meet you, ", "It is good to meet you, ", "Hello, "}) + *name + ". What would you like to know?";
      lead = "Nice to meet you, " + *name + ". ";
    }
  }
  if (target.heard.intent != Intent::none) return lead + small_talk(target);
  return lead + (target.heard.question ? reply_to_question(target) : reply_to_statement(target));
}

std::string LocalAnswer::small_talk(const Sentence& sentence) const {
  switch (sentence.heard.intent) {
    case Intent::greeting: return greeting();
    case Intent::how_are_you: return pick({"I am well, thank you. How are you?", "Very well, thanks for asking. What can I do for you?", "All is running smoothly here. How about you?"});
    case Intent::thanks: return pick({"You are welcome.", "With pleasure.", "Glad to help. Is there anything else?"});
    case Intent::goodbye: return pick({"Goodbye! It was nice talking to you.", "See you next time.", "Bye for now. Come back whenever you like."});
    case Intent::repeat: {
      const std::string last = previous(Role::assistant);
      return last.empty() ? "I have not said anything yet." : last;
    }
    case Intent::stop: return pick({"Okay.", "All right, I will be quiet.", "Sure, I will stop."});
    case Intent::what_i_said: return what_i_said(sentence, Role::user);
    case Intent::what_you_said: return what_i_said(sentence, Role::assistant);
    case Intent::what_i_said_first: return first_words();
    case Intent::summary: return summary();
    case Intent::user_name: return users_name_answer();
    case Intent::who_are_you: return who_i_am();
    case Intent::your_name: return my_name();
    case Intent::are_you_machine:
      return "I am a computer program, but not a language model. I look for answers in what I have been told about myself and in the documents I was given, and I say so when I find none.";
    case Intent::are_you_human:
      return "No, I am not a person. I am a computer program that listens, looks for answers in what it has been told, and says them aloud.";
    case Intent::abilities: return abilities();
    case Intent::more: return more();
    case Intent::clock: return pick({"I have no clock or calendar to look at.", "I cannot tell the time or the date."}) + suggestion();
    case Intent::yes: return pick({"All right. What would you like to know?", "Good. Go ahead.", "Fine. What is next?"});
    case Intent::no: return pick({"All right. Ask me whenever you like.", "Fine. I am here if you need me.", "Okay. Something else, then?"});
    case Intent::compliment: return pick({"Thank you, that is kind.", "I am glad you think so.", "Good to hear. What else would you like to know?"});
    case Intent::apology: return pick({"No harm done.", "That is quite all right.", "No need to be sorry."});
    case Intent::none: break;
  }
  return do_not_know();
}

std::string LocalAnswer::greeting() const {
  const auto user = users_name();
  const std::string hello = pick({"Hello", "Hi", "Hello there"}) + (user ? ", " + *user : "");
  if (!texts(Role::assistant).empty()) return hello + pick({". What would you like to know?", ". How can I help?"});
  const std::string name = knowledge_.name();
  return hello + (name.empty() ? "." : ". I am " + name + ".") + pick({" What would you like to know?", " How can I help you?", " What shall we talk about?"});
}

std::string LocalAnswer::my_name() const {
  return knowledge_.name().empty() ? "I have not been given a name." : pick({"My name is ", "I am ", "I am called "}) + knowledge_.name() + ".";
}

std::string LocalAnswer::who_i_am() const {
  std::string text;
  std::size_t told_count = 0;
  for (const std::string& statement : knowledge_.statements()) {
    if (told_count == 2) break;
    if (!holds(plain_words(statement), {"i", "my"})) continue;
    text += (text.empty() ? "" : " ") + statement;
    ++told_count;
  }
  if (!text.empty()) return text;
  return (knowledge_.name().empty() ? std::string("I have not been told much about myself.") : "I am " + knowledge_.name() + ".") + suggestion();
}

std::string LocalAnswer::abilities() const {
  std::string text = pick({"I answer questions", "You can ask me things"});
  if (const auto topics = some_topics(); !topics.empty()) text += ", for example about " + list_of(topics, "or");
  return text + ". I can also repeat what I said, and you may interrupt me at any time.";
}

std::string LocalAnswer::users_name_answer() const {
  const auto name = users_name();
  return name ? pick({"Your name is ", "You are ", "You told me your name is "}) + *name + "." : pick({"You have not told me your name yet.", "I do not know your name. What is it?"});
}

std::string LocalAnswer::what_i_said(const Sentence& sentence, Role role) const {
  const std::string begin = role == Role::user ? "You said: " : "I said: ";
  if (const std::string about = after_about(sentence.heard.words); !about.empty() && !Query(about).empty()) {
    SentenceIndex said;
    for (const std::string& message : texts(role)) {
      for (std::string& part : split_sentences(message)) said.add(std::move(part), static_cast<int>(said.size()), 0);
    }
    const auto hits = said.rank(Query(about));
    if (hits.empty() || hits[0].coverage < recall_coverage_min) return role == Role::user ? "You have not said anything about that." : "I have not said anything about that.";
    return begin + quoted(said[hits[0].sentence].text);
  }
  const std::string last = previous(role);
  if (last.empty()) return role == Role::user ? "That was the first thing you said." : "I have not said anything yet.";
  return begin + quoted(last);
}

std::string LocalAnswer::first_words() const {
  const auto said = texts(Role::user);
  return said.empty() ? "That was the first thing you said." : "The first thing you said was: " + quoted(said.front());
}

std::string LocalAnswer::summary() const {
  std::vector<std::string> lines;
  for (const std::string& said : texts(Role::user)) {
    if (understand(said, knowledge_.name()).intent == Intent::none) lines.push_back(quoted(said));
  }
  if (lines.empty()) return "We have only exchanged a few words so far.";
  if (lines.size() > summary_lines_max) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(summary_lines_max));
  return "You said " + list_of(lines, "and") + ", and I answered as well as I could.";
}

std::string LocalAnswer::more() const {
  const std::string question = previous_question();
  if (question.empty()) return pick({"More about what?", "What would you like to hear more about?"}) + suggestion();
  Query query(question);
  const std::string found = knowledge_.answer(query, texts(Role::assistant));
  return found.empty() ? pick({"That is all I know about it.", "I have nothing more on that."}) + suggestion() : found;
}

std::string LocalAnswer::look_up(const std::string& question) const {
  Query query(question);
  const std::vector<std::string> words = plain_words(question);
  const bool points_back = holds(words, {"it", "that", "they", "this", "them", "its", "their", "he", "she", "his", "her"});
  if (points_back || (query.vague() && !holds(words, {"you", "your", "i", "my"}))) {  // "and why?"
    query.add_context(previous_question(), context_weight);
    if (query.vague() && points_back) query.add_context(previous(Role::assistant), context_weight);
  }
  return query.vague() ? std::string{} : knowledge_.answer(query, {});
}

// What the user has told about himself and now asks for.
std::string LocalAnswer::recall(const Sentence& sentence) const {
  if (!about_the_user(sentence.heard.words)) return {};
  SentenceIndex facts;
  std::vector<std::string> messages = texts(Role::user);
  messages.push_back(now_);
  std::reverse(messages.begin(), messages.end());  // of two that fit equally well the newer one counts
  for (const std::string& message : messages) {
    for (std::string& part : split_sentences(message)) {
      const Utterance heard = understand(part, knowledge_.name());
      if (!heard.question && heard.intent == Intent::none && about_the_user(heard.words)) facts.add(std::move(part), static_cast<int>(facts.size()), 0);
    }
  }
  const auto hits = facts.rank(Query(sentence.text));
  if (hits.empty() || hits[0].coverage < recall_coverage_min) return {};
  return "You told me that " + told(facts[hits[0].sentence].text);
}

std::string LocalAnswer::reply_to_question(const Sentence& sentence) const {
  if (std::string remembered = recall(sentence); !remembered.empty()) return remembered;
  if (std::string found = look_up(sentence.text); !found.empty()) return found;
  for (const std::string_view phrase : {"what is my", "where do i", "when is my", "do you remember my", "do you know my", "who is my", "how old am i", "what do i", "where is my"}) {
    if (begins_with(sentence.heard.words, phrase)) return pick({"You have not told me that yet.", "I do not know, you have not told me."});
  }
  return do_not_know();
}

std::string LocalAnswer::reply_to_statement(const Sentence& sentence) const {
  const bool personal = about_the_user(sentence.heard.words);
  if (!personal) {
    if (std::string found = look_up(sentence.text); !found.empty()) return found;
  }
  if (personal) return pick({"Thank you for telling me. I will remember that while we talk.", "I see. I will keep that in mind.", "Good to know."});
  return pick({"I see.", "I am not sure what to say to that.", "I understand."}) + suggestion();
}

std::string LocalAnswer::do_not_know() const {
  return pick({"I do not know that.", "I am sorry, I have no answer to that.", "That is not something I know.", "I have not been told anything about that."}) + suggestion();
}

std::string LocalAnswer::suggestion() const {
  const auto topics = some_topics();
  return topics.empty() ? std::string{} : pick({" You could ask me about ", " I can tell you about ", " Ask me about "}) + list_of(topics, "or") + ".";
}

// Not always the same ones.
std::vector<std::string> LocalAnswer::some_topics() const {
  std::vector<std::string> topics = knowledge_.topics(topics_known);
  if (topics.empty()) return topics;
  std::rotate(topics.begin(), topics.begin() + static_cast<std::ptrdiff_t>((hash_ >> 11) % topics.size()), topics.end());
  topics.resize(std::min(topics.size(), topics_told));
  return topics;
}

std::string LocalAnswer::previous(Role role) const {
  const auto found = std::find_if(earlier_.rbegin(), earlier_.rend(), [&](const ChatMessage& message) { return message.role == role && !message.text.empty(); });
  return found == earlier_.rend() ? std::string{} : found->text;
}

std::string LocalAnswer::previous_question() const {
  for (auto message = earlier_.rbegin(); message != earlier_.rend(); ++message) {
    if (message->role != Role::user) continue;
    const std::vector<std::string> sentences = split_sentences(message->text);
    for (auto sentence = sentences.rbegin(); sentence != sentences.rend(); ++sentence) {
      if (understand(*sentence, knowledge_.name()).intent == Intent::none && !Query(*sentence).empty()) return *sentence;
    }
  }
  return {};
}

std::vector<std::string> LocalAnswer::texts(Role role) const {
  std::vector<std::string> out;
  for (const ChatMessage& message : earlier_) {
    if (message.role == role && !message.text.empty()) out.push_back(message.text);
  }
  return out;
}

std::optional<std::string> LocalAnswer::users_name() const {
  std::vector<std::string> messages = texts(Role::user);
  messages.push_back(now_);
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    for (const std::string& sentence : split_sentences(*message)) {
      if (auto name = stated_name(sentence)) return name;
    }
  }
  return std::nullopt;
}

std::string LocalAnswer::pick(Variants variants) const {
  const std::string last = previous(Role::assistant);
  std::size_t index = (hash_ >> 7) % variants.size();
  if (last.starts_with(variants.begin()[index])) index = (index + 1) % variants.size();
  return std::string(variants.begin()[index]);
}

}  // namespace repartee::pipeline
