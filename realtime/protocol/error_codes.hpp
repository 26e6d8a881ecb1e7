// The `code` of an error event, where the fault is in what the client sent. They are the ones OpenAI's API sends, so that a client that
// reads codes finds what it knows:
//
//   invalid_json                   not JSON, not UTF-8, not an object, nested too deep, too many values
//   missing_required_parameter     a required field is absent
//   invalid_type                   a field has the wrong JSON type
//   invalid_value                  right type, impossible value; also an event type that does not exist (param "type")
//   unknown_parameter              a field of the old (beta) protocol, which would otherwise be silently without effect
//   string_above_max_length        and array_above_max_length, array_below_min_length, object_above_max_properties
//   integer_below_min_value        and integer_above_max_value, decimal_below_min_value, decimal_above_max_value
//   invalid_base64                 audio that is not base64 (ours: OpenAI says invalid_value)
//   unsupported_content            a kind of content, item, tool or session this server does not take (ours)
//
// Unknown fields are ignored, as newer clients send fields that this server need not know.
// Thread contract: constants.
#pragma once

namespace repartee::realtime::error_codes {

inline constexpr char invalid_json[] = "invalid_json";
inline constexpr char missing_required_parameter[] = "missing_required_parameter";
inline constexpr char invalid_type[] = "invalid_type";
inline constexpr char invalid_value[] = "invalid_value";
inline constexpr char unknown_parameter[] = "unknown_parameter";
inline constexpr char string_above_max_length[] = "string_above_max_length";
inline constexpr char array_above_max_length[] = "array_above_max_length";
inline constexpr char array_below_min_length[] = "array_below_min_length";
inline constexpr char object_above_max_properties[] = "object_above_max_properties";
inline constexpr char integer_below_min_value[] = "integer_below_min_value";
inline constexpr char integer_above_max_value[] = "integer_above_max_value";
inline constexpr char decimal_below_min_value[] = "decimal_below_min_value";
inline constexpr char decimal_above_max_value[] = "decimal_above_max_value";
inline constexpr char invalid_base64[] = "invalid_base64";
inline constexpr char unsupported_content[] = "unsupported_content";

}  // namespace repartee::realtime::error_codes
