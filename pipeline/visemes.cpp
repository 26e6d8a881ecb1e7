#include "pipeline/visemes.hpp"

#include <algorithm>
#include <array>

namespace repartee::pipeline {
namespace {

struct Shape {
  int id;
  std::string_view arpabet;     // its sounds, each between blanks
  std::u32string_view symbols;  // the same, as Kokoro writes them
};

constexpr std::array<Shape, viseme_ids_max + 1> shapes = {{
    {0, " pau ssil sil ", U""},
    {1, " ae ah ax ", U"æəʌɐᵊa"},
    {2, " aa ", U"ɑ"},
    {3, " ao ", U"ɔɒ"},
    {4, " eh ey uh ", U"ɛeAʊ"},
    {5, " er axr ", U"ɜɚɝ"},
    {6, " iy ih y ", U"iɪjᵻ"},
    {7, " w uw ", U"wu"},
    {8, " ow ", U"oOQ"},
    {9, " aw ", U"W"},
    {10, " oy ", U"Y"},
    {11, " ay ", U"I"},
    {12, " hh ", U"h"},
    {13, " r ", U"ɹr"},
    {14, " l el ", U"l"},
    {15, " s z ", U"sz"},
    {16, " sh ch jh zh ", U"ʃʧʤʒ"},
    {17, " th dh ", U"θð"},
    {18, " f v ", U"fv"},
    {19, " d t n dx en ", U"dtnɾT"},
    {20, " k g ng ", U"kɡgŋ"},
    {21, " p b m em ", U"pbm"},
}};

}  // namespace

std::optional<int> viseme_of_arpabet(std::string_view sound) {
  for (const Shape& shape : shapes)
    for (auto at = shape.arpabet.find(sound); !sound.empty() && at != std::string_view::npos; at = shape.arpabet.find(sound, at + 1))
      if (at > 0 && shape.arpabet[at - 1] == ' ' && shape.arpabet[at + sound.size()] == ' ') return shape.id;
  return std::nullopt;
}

std::optional<int> viseme_of_symbol(char32_t symbol) {
  const auto shape =
      std::find_if(shapes.begin(), shapes.end(), [&](const Shape& s) { return s.symbols.find(symbol) != std::u32string_view::npos; });
  if (shape == shapes.end()) return std::nullopt;
  return shape->id;
}

}  // namespace repartee::pipeline
