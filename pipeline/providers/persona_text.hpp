// Grammar between "you" and "I": a persona says "You are Ada, you live in Lisbon", the clone says "I am Ada, I live in Lisbon"; the user says
// "my dog is Rex", the clone answers "your dog is Rex". And which of a persona's sentences are orders, not to be recited.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>

namespace repartee::pipeline {

std::string to_first_person(std::string_view sentence);   // of a persona
std::string to_second_person(std::string_view sentence);  // of the user
bool is_order(std::string_view sentence);                 // "Answer briefly.", "You must never lie."
std::string name_in(std::string_view persona);            // "You are Ada Lovelace, ..." -> "Ada Lovelace"; empty: it names nobody
std::string capitalised(std::string text);
std::string with_full_stop(std::string text);
std::string continued(std::string sentence);              // lower first letter where it is an ordinary word: to stand after "According to x, "

}  // namespace repartee::pipeline
