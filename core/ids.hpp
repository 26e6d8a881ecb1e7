// Identifiers. UUID version 7 (RFC 9562: 48 bits of Unix milliseconds, then random bits), so that they sort by time;
// and the prefixed ids of the Realtime protocol (event_..., item_..., resp_...).
// Thread contract: every function from any thread.
#pragma once
#include <string>
#include <string_view>

namespace repartee {

std::string new_uuid();                             // "0192f0c1-....": lower case, 36 characters
bool is_uuid(std::string_view text);                // any version, either case
std::string new_id(std::string_view prefix);        // prefix + '_' + 22 random characters [0-9A-Za-z]
void append_id(std::string& out, std::string_view prefix);   // the same, at the end of a text
std::string random_token(std::size_t bytes);        // url-safe, from the system's random source; for secrets

}  // namespace repartee
