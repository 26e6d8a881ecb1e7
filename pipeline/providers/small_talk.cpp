#include "pipeline/providers/small_talk.hpp"

#include <algorithm>
#include <unordered_set>

#include "pipeline/providers/persona_text.hpp"
#include "pipeline/providers/sentence_index.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

using Words = std::unordered_set<std::string_view>;

enum class Where { whole, start, inside };
struct Rule {
  Intent intent;
  Where where;
  std::string_view phrase;
};

// The first rule that fits wins.
constexpr Rule rules[] = {
    {Intent::what_i_said_first, Where::inside, "did i say first"},
    {Intent::what_i_said_first, Where::inside, "did i ask first"},
    {Intent::what_i_said_first, Where::inside, "i first ask"},
    {Intent::what_i_said_first, Where::inside, "i first say"},
    {Intent::what_i_said_first, Where::inside, "was my first question"},
    {Intent::what_i_said_first, Where::inside, "first thing i said"},
    {Intent::what_i_said_first, Where::inside, "first thing i asked"},
    {Intent::what_i_said, Where::inside, "what did i just say"},
    {Intent::what_i_said, Where::inside, "what did i just ask"},
    {Intent::what_i_said, Where::inside, "what did i say"},
    {Intent::what_i_said, Where::inside, "what did i ask"},
    {Intent::what_i_said, Where::inside, "what did i tell you"},
    {Intent::what_i_said, Where::inside, "what have i said"},
    {Intent::what_i_said, Where::inside, "what was my question"},
    {Intent::what_i_said, Where::inside, "what was my last question"},
    {Intent::what_i_said, Where::inside, "what i just said"},
    {Intent::what_i_said, Where::inside, "what i just asked"},
    {Intent::what_i_said, Where::whole, "what i said"},
    {Intent::what_you_said, Where::inside, "what did you just say"},
    {Intent::what_you_said, Where::inside, "what did you say"},
    {Intent::what_you_said, Where::inside, "what did you tell me"},
    {Intent::what_you_said, Where::inside, "what was your answer"},
    {Intent::what_you_said, Where::inside, "what was that"},
    {Intent::what_you_said, Where::inside, "what were you saying"},
    {Intent::summary, Where::inside, "what have we talked about"},
    {Intent::summary, Where::inside, "what did we talk about"},
    {Intent::summary, Where::inside, "what have we been talking about"},
    {Intent::summary, Where::inside, "what were we talking about"},
    {Intent::summary, Where::inside, "summarize our conversation"},
    {Intent::summary, Where::inside, "summarize this conversation"},
    {Intent::summary, Where::inside, "summarise our conversation"},
    {Intent::repeat, Where::start, "repeat"},
    {Intent::repeat, Where::inside, "say that again"},
    {Intent::repeat, Where::inside, "say it again"},
    {Intent::repeat, Where::inside, "repeat that"},
    {Intent::repeat, Where::inside, "repeat it"},
    {Intent::repeat, Where::inside, "repeat yourself"},
    {Intent::repeat, Where::inside, "repeat what you"},
    {Intent::repeat, Where::inside, "repeat your"},
    {Intent::repeat, Where::whole, "say again"},
    {Intent::repeat, Where::whole, "again"},
    {Intent::repeat, Where::whole, "once more"},
    {Intent::repeat, Where::whole, "one more time"},
    {Intent::repeat, Where::whole, "come again"},
    {Intent::repeat, Where::whole, "pardon"},
    {Intent::repeat, Where::whole, "pardon me"},
    {Intent::repeat, Where::whole, "what"},
    {Intent::repeat, Where::whole, "sorry what"},
    {Intent::repeat, Where::inside, "i did not catch that"},
    {Intent::repeat, Where::inside, "i did not hear"},
    {Intent::repeat, Where::inside, "did not understand what you said"},
    {Intent::stop, Where::whole, "stop"},
    {Intent::stop, Where::whole, "stop it"},
    {Intent::stop, Where::whole, "stop that"},
    {Intent::stop, Where::whole, "enough"},
    {Intent::stop, Where::whole, "quiet"},
    {Intent::stop, Where::whole, "silence"},
    {Intent::stop, Where::whole, "wait"},
    {Intent::stop, Where::whole, "hold on"},
    {Intent::stop, Where::whole, "cancel"},
    {Intent::stop, Where::inside, "be quiet"},
    {Intent::stop, Where::inside, "shut up"},
    {Intent::stop, Where::inside, "stop talking"},
    {Intent::stop, Where::inside, "stop speaking"},
    {Intent::stop, Where::inside, "that is enough"},
    {Intent::stop, Where::inside, "never mind"},
    {Intent::stop, Where::whole, "nevermind"},
    {Intent::user_name, Where::inside, "what is my name"},
    {Intent::user_name, Where::inside, "know my name"},
    {Intent::user_name, Where::inside, "remember my name"},
    {Intent::user_name, Where::inside, "who am i"},
    {Intent::user_name, Where::inside, "say my name"},
    {Intent::user_name, Where::inside, "what am i called"},
    {Intent::your_name, Where::inside, "what is your name"},
    {Intent::your_name, Where::inside, "what are you called"},
    {Intent::your_name, Where::inside, "tell me your name"},
    {Intent::your_name, Where::inside, "have a name"},
    {Intent::are_you_machine, Where::inside, "are you a language model"},
    {Intent::are_you_machine, Where::inside, "are you just a language model"},
    {Intent::are_you_machine, Where::inside, "what language model"},
    {Intent::are_you_machine, Where::inside, "which language model"},
    {Intent::are_you_machine, Where::inside, "are you an ai"},
    {Intent::are_you_machine, Where::inside, "are you ai"},
    {Intent::are_you_machine, Where::inside, "are you a large"},
    {Intent::are_you_machine, Where::inside, "are you chatgpt"},
    {Intent::are_you_machine, Where::inside, "are you gpt"},
    {Intent::are_you_machine, Where::inside, "are you an llm"},
    {Intent::are_you_machine, Where::inside, "are you artificial"},
    {Intent::are_you_machine, Where::inside, "are you an artificial"},
    {Intent::are_you_machine, Where::inside, "what model are you"},
    {Intent::are_you_human, Where::inside, "are you human"},
    {Intent::are_you_human, Where::inside, "are you a human"},
    {Intent::are_you_human, Where::inside, "are you real"},
    {Intent::are_you_human, Where::inside, "are you a real"},
    {Intent::are_you_human, Where::inside, "are you a person"},
    {Intent::are_you_human, Where::inside, "are you a robot"},
    {Intent::are_you_human, Where::inside, "are you a bot"},
    {Intent::are_you_human, Where::inside, "are you a machine"},
    {Intent::are_you_human, Where::inside, "are you a computer"},
    {Intent::are_you_human, Where::inside, "are you alive"},
    {Intent::who_are_you, Where::whole, "who are you"},
    {Intent::who_are_you, Where::whole, "what are you"},
    {Intent::who_are_you, Where::whole, "who am i talking to"},
    {Intent::who_are_you, Where::whole, "who am i speaking to"},
    {Intent::who_are_you, Where::whole, "who is this"},
    {Intent::who_are_you, Where::inside, "who are you exactly"},
    {Intent::who_are_you, Where::inside, "about yourself"},
    {Intent::who_are_you, Where::inside, "introduce yourself"},
    {Intent::abilities, Where::inside, "what can you do"},
    {Intent::abilities, Where::inside, "what can you help"},
    {Intent::abilities, Where::inside, "what can you tell me"},
    {Intent::abilities, Where::inside, "what can you talk about"},
    {Intent::abilities, Where::inside, "what can i ask"},
    {Intent::abilities, Where::inside, "what should i ask"},
    {Intent::abilities, Where::inside, "what do you know"},
    {Intent::abilities, Where::inside, "what can we talk about"},
    {Intent::abilities, Where::inside, "how can you help"},
    {Intent::abilities, Where::inside, "what are you able to"},
    {Intent::abilities, Where::inside, "can you help me"},
    {Intent::abilities, Where::whole, "help"},
    {Intent::abilities, Where::whole, "help me"},
    {Intent::more, Where::inside, "tell me more"},
    {Intent::more, Where::whole, "more"},
    {Intent::more, Where::whole, "go on"},
    {Intent::more, Where::whole, "continue"},
    {Intent::more, Where::whole, "carry on"},
    {Intent::more, Where::whole, "what else"},
    {Intent::more, Where::whole, "anything else"},
    {Intent::more, Where::inside, "explain more"},
    {Intent::more, Where::inside, "more detail"},
    {Intent::more, Where::inside, "more about that"},
    {Intent::more, Where::inside, "more about it"},
    {Intent::clock, Where::inside, "what time is it"},
    {Intent::clock, Where::inside, "what is the time"},
    {Intent::clock, Where::inside, "tell me the time"},
    {Intent::clock, Where::inside, "what day is it"},
    {Intent::clock, Where::inside, "what day is today"},
    {Intent::clock, Where::inside, "what is the date"},
    {Intent::clock, Where::inside, "what is today"},
    {Intent::how_are_you, Where::inside, "how are you"},
    {Intent::how_are_you, Where::inside, "how do you do"},
    {Intent::how_are_you, Where::inside, "how is it going"},
    {Intent::how_are_you, Where::inside, "how are things"},
    {Intent::how_are_you, Where::inside, "how have you been"},
    {Intent::how_are_you, Where::whole, "what is up"},
    {Intent::how_are_you, Where::inside, "how do you feel"},
    {Intent::goodbye, Where::inside, "goodbye"},
    {Intent::goodbye, Where::inside, "good bye"},
    {Intent::goodbye, Where::start, "bye"},
    {Intent::goodbye, Where::whole, "good night"},
    {Intent::goodbye, Where::start, "see you"},
    {Intent::goodbye, Where::inside, "talk to you later"},
    {Intent::goodbye, Where::inside, "i have to go"},
    {Intent::goodbye, Where::whole, "farewell"},
    {Intent::thanks, Where::inside, "thank you"},
    {Intent::thanks, Where::start, "thanks"},
    {Intent::thanks, Where::whole, "many thanks"},
    {Intent::thanks, Where::inside, "appreciate"},
    {Intent::apology, Where::start, "sorry"},
    {Intent::apology, Where::whole, "i am sorry"},
    {Intent::apology, Where::start, "my apologies"},
    {Intent::compliment, Where::start, "well done"},
    {Intent::compliment, Where::start, "good job"},
    {Intent::compliment, Where::whole, "great"},
    {Intent::compliment, Where::whole, "nice"},
    {Intent::compliment, Where::whole, "cool"},
    {Intent::compliment, Where::whole, "perfect"},
    {Intent::compliment, Where::whole, "wonderful"},
    {Intent::compliment, Where::whole, "awesome"},
    {Intent::compliment, Where::whole, "interesting"},
    {Intent::compliment, Where::start, "that is great"},
    {Intent::compliment, Where::start, "that is nice"},
    {Intent::compliment, Where::start, "that is interesting"},
    {Intent::compliment, Where::start, "you are great"},
    {Intent::compliment, Where::start, "you are very"},
    {Intent::compliment, Where::start, "i like you"},
    {Intent::compliment, Where::start, "nice to meet you"},
    {Intent::yes, Where::whole, "yes"},
    {Intent::yes, Where::whole, "yeah"},
    {Intent::yes, Where::whole, "yep"},
    {Intent::yes, Where::whole, "sure"},
    {Intent::yes, Where::whole, "okay"},
    {Intent::yes, Where::whole, "ok"},
    {Intent::yes, Where::whole, "all right"},
    {Intent::yes, Where::whole, "alright"},
    {Intent::yes, Where::whole, "right"},
    {Intent::yes, Where::whole, "i see"},
    {Intent::no, Where::whole, "no"},
    {Intent::no, Where::whole, "nope"},
    {Intent::no, Where::whole, "not really"},
};

const Words& fillers() {
  static const Words words = {"um", "uh", "erm", "hmm", "well", "so", "oh", "ah", "okay", "ok", "yes", "yeah", "and", "but", "then", "now", "please", "alright", "right", "actually", "just", "could", "would",
                              "can", "will", "you", "quickly", "anyway"};
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool fits(const Rule& rule, const std::string& text) {
  if (text == rule.phrase) return true;
  if (rule.where == Where::whole) return false;
  const std::string padded = ' ' + text + ' ';
  const std::size_t at = padded.find(' ' + std::string(rule.phrase) + ' ');
  return rule.where == Where::start ? at == 0 : at != std::string::npos;
}

Intent intent_of(const std::vector<std::string>& words) {
  const std::string text = joined(words);
  for (const Rule& rule : rules) {
    if (fits(rule, text)) return rule.intent;
  }
  return Intent::none;
}

// "hello", "hi there", "good morning": how many words they take at the beginning.
std::size_t greeting_length(const std::vector<std::string>& words) {
  static const Words first = {"hello", "hi", "hey", "greetings", "howdy", "hallo", "hiya"};
  static const Words parts = {"morning", "afternoon", "evening", "day"};
  if (words.empty()) return 0;
  if (first.contains(words[0])) return words.size() > 1 && (words[1] == "there" || words[1] == "again" || words[1] == "everyone") ? 2 : 1;
  return words.size() > 1 && words[0] == "good" && parts.contains(words[1]) ? 2 : 0;
}

void drop_front(std::vector<std::string>& words, std::size_t count) { words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count)); }

// "Could you please repeat that" -> "repeat that"; "can you help me" keeps its words where they are a phrase of their own.
std::vector<std::string> without_fillers(std::vector<std::string> words) {
  std::size_t front = 0;
  while (front < words.size() && fillers().contains(words[front])) ++front;
  if (front < words.size()) drop_front(words, front);
  while (words.size() > 1 && (words.back() == "please" || words.back() == "then" || words.back() == "now")) words.pop_back();
  return words;
}

bool begins_like_a_question(const std::vector<std::string>& words) {
  static const Words openers = {"what", "who", "whom", "whose", "when", "where", "why", "how", "which", "is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "should", "have",
                                "has", "may", "am", "tell", "explain", "describe", "define", "show"};
  return !words.empty() && openers.contains(words[0]);
}

// "repartee" alone or around a request: being called by name.
void drop_name(std::vector<std::string>& words, const std::vector<std::string>& name) {
  if (name.empty() || words.size() < name.size()) return;
  if (std::equal(name.begin(), name.end(), words.begin()) && words.size() > name.size()) drop_front(words, name.size());
  const bool at_end = words.size() > name.size() && std::equal(name.rbegin(), name.rend(), words.rbegin());
  static const Words asked_about = {"is", "about", "does", "of", "with", "can", "are", "was", "use", "the", "a", "in", "from", "to"};
  if (at_end && !asked_about.contains(words[words.size() - name.size() - 1])) words.resize(words.size() - name.size());
}

}  // namespace

Utterance understand(std::string_view sentence, std::string_view clone_name) {
  Utterance heard;
  heard.words = plain_words(sentence);
  const std::vector<std::string> all = heard.words;
  while (!heard.words.empty() && (heard.words[0] == "um" || heard.words[0] == "uh" || heard.words[0] == "oh" || heard.words[0] == "well")) drop_front(heard.words, 1);
  if (const std::size_t greeting = greeting_length(heard.words)) {
    heard.greets = true;
    drop_front(heard.words, greeting);
  }
  const std::vector<std::string> name = plain_words(clone_name);
  if (heard.greets && heard.words == name) heard.words.clear();
  if (heard.words.empty()) {
    heard.intent = heard.greets ? Intent::greeting : Intent::none;
    return heard;
  }
  const bool subject = begins_like_a_question({heard.words.back()});
  if (!subject) drop_name(heard.words, name);
  heard.intent = intent_of(heard.words);
  const std::vector<std::string> bare = without_fillers(heard.words);
  if (heard.intent == Intent::none) heard.intent = intent_of(bare);
  heard.question = sentence.find('?') != std::string_view::npos || begins_like_a_question(heard.words) || begins_like_a_question(bare);
  if (heard.intent == Intent::none && heard.greets && heard.words.size() < 2) heard.intent = Intent::greeting;  // "Hello Bob"
  return heard;
}

std::optional<std::string> stated_name(std::string_view sentence) {
  static const Words not_names = {"American", "German", "Italian", "Russian", "Canadian", "Australian", "Indian", "Mexican", "British", "English", "French",
                                  "Spanish",  "Dutch",  "Chinese", "Japanese", "Korean",  "Polish",     "Swedish", "Irish",  "Not",     "OK",      "Okay"};
  const std::string lower = to_lower(sentence);
  if (lower.find('?') != std::string::npos) return std::nullopt;
  std::size_t at = std::string::npos;
  bool must_be_capital = false;
  for (const std::string_view phrase : {"my name is ", "my name's ", "call me ", "i am called ", "i'm called ", "i am ", "i'm "}) {
    at = lower.find(phrase);
    if (at == std::string::npos || (at > 0 && lower[at - 1] != ' ')) {
      at = std::string::npos;
      continue;
    }
    at += phrase.size();
    must_be_capital = phrase.starts_with("i am ") || phrase == "i'm ";
    break;
  }
  if (at == std::string::npos) return std::nullopt;
  std::string_view rest = trim(sentence.substr(at));
  const std::size_t end = std::min(rest.find_first_of(" ,.;!"), rest.size());
  const std::string name(rest.substr(0, end));
  const std::string_view after = trim(rest.substr(end));
  const bool capital = !name.empty() && name[0] >= 'A' && name[0] <= 'Z';
  if (name.empty() || not_names.contains(name) || is_stop_word(to_lower(name))) return std::nullopt;
  if (must_be_capital && (!capital || !(after.empty() || std::string_view(".,!;").find(after[0]) != std::string_view::npos))) return std::nullopt;
  return capitalised(name);
}

}  // namespace repartee::pipeline
