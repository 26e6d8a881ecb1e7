#include "persistence/journal_record.hpp"

#include <zlib.h>

#include <bit>
#include <cstring>

namespace repartee::persistence {
namespace {

constexpr std::uint32_t frame_magic = 0x314a5052;  // "RPJ1"
constexpr std::uint64_t mark_magic = 0x314b4d5250ull;
constexpr std::uint8_t flag_sealed = 1;
static_assert(std::endian::native == std::endian::little, "integers are copied as they lie in memory");

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

// ---- the three things that are done with a record's fields ----

struct Encoder {
  std::string& out;
  void text(const std::string& value) {
    put(out, static_cast<std::uint32_t>(value.size()));
    out += value;
  }
  void number(std::int64_t value) { put(out, value); }
  void real(double value) { put(out, value); }
  void flag(bool value) { out += value ? '\1' : '\0'; }
};

struct Sizer {
  std::size_t bytes = 0;
  void text(const std::string& value) { bytes += sizeof(std::uint32_t) + value.size(); }
  void number(std::int64_t) { bytes += sizeof(std::int64_t); }
  void real(double) { bytes += sizeof(double); }
  void flag(bool) { ++bytes; }
};

struct Decoder {
  std::string_view in;
  bool good = true;

  template <class T>
  T take() {
    good = good && in.size() >= sizeof(T);
    if (!good) return {};
    const T value = get<T>(in, 0);
    in.remove_prefix(sizeof(T));
    return value;
  }
  void text(std::string& value) {
    const std::size_t size = take<std::uint32_t>();
    good = good && in.size() >= size;
    if (!good) return;
    value.assign(in.substr(0, size));
    in.remove_prefix(size);
  }
  std::int64_t number() { return take<std::int64_t>(); }
  double real() { return take<double>(); }
  bool flag() { return take<char>() != 0; }
};

// ---- one field, by its type: written from const, read into what is not ----

template <class A, class T>
constexpr bool reads = std::is_same_v<A, Decoder> && !std::is_const_v<T>;

template <class A>
void field(A& archive, auto& value) {
  using V = std::remove_cvref_t<decltype(value)>;
  constexpr bool reading = reads<A, std::remove_reference_t<decltype(value)>>;
  if constexpr (std::is_same_v<V, std::string>) {
    archive.text(value);
  } else if constexpr (std::is_same_v<V, bool>) {
    if constexpr (reading) value = archive.flag();
    else archive.flag(value);
  } else if constexpr (std::is_same_v<V, double>) {
    if constexpr (reading) value = archive.real();
    else archive.real(value);
  } else if constexpr (std::is_integral_v<V>) {
    if constexpr (reading) value = static_cast<V>(archive.number());
    else archive.number(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_same_v<V, Money>) {
    field(archive, value.e8);
  } else if constexpr (std::is_same_v<V, WallTime>) {
    using std::chrono::nanoseconds;
    if constexpr (reading) value = WallTime(std::chrono::duration_cast<WallTime::duration>(nanoseconds(archive.number())));
    else archive.number(std::chrono::duration_cast<nanoseconds>(value.time_since_epoch()).count());
  } else {  // std::optional
    bool there = value.has_value();
    if constexpr (reading) {
      there = archive.flag();
      if (there) field(archive, value.emplace());
    } else {
      archive.flag(there);
      if (there) field(archive, *value);
    }
  }
}

template <class A>
void all(A& archive, auto&... values) {
  (field(archive, values), ...);
}

// ---- the records. A structured binding does not compile when a field was added: then it belongs here, and the version goes up ----

template <class A>
void turn_fields(A& archive, auto& record) {
  auto& [session_id, user_id, echo_id, turn_index, revision, user_transcript, llm_response, heard_response, heard_ms, status, cancel_reason,
         endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost, llm_cost,
         tts_cost, asr_audio_ms, llm_input_tokens, llm_output_tokens, tts_characters, speculative_waste_json, cache_hits_json, sources_json,
         timeline_json, evidence_json, tool_calls_json, started_at, ended_at] = record;
  all(archive, session_id, user_id, echo_id, turn_index, revision, user_transcript, llm_response, heard_response, heard_ms, status,
      cancel_reason, endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost,
      llm_cost, tts_cost, asr_audio_ms, llm_input_tokens, llm_output_tokens, tts_characters, speculative_waste_json, cache_hits_json,
      sources_json, timeline_json, evidence_json, tool_calls_json, started_at, ended_at);
}

template <class A>
void session_fields(A& archive, auto& record) {
  auto& [id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns, average_latency_ms, total_cost,
         started_at, last_active_at, ended_at, end_reason, node, client_json] = record;
  all(archive, id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns, average_latency_ms,
      total_cost, started_at, last_active_at, ended_at, end_reason, node, client_json);
}

template <class A>
void audit_fields(A& archive, auto& line) {
  auto& [line_id, record] = line;
  auto& [user_id, action, resource, success, ip_address, user_agent, metadata_json, timestamp] = record;
  all(archive, line_id, user_id, action, resource, success, ip_address, user_agent, metadata_json, timestamp);
}

enum class Kind : std::uint8_t { turn = 1, session = 2, audit = 3 };

template <class A>
void fields_of(A& archive, const RecordItem& item) {
  if (const auto* turn = std::get_if<RecordedTurn>(&item)) turn_fields(archive, turn->record);
  else if (const auto* session = std::get_if<SessionRecord>(&item)) session_fields(archive, *session);
  else audit_fields(archive, std::get<RecordedAudit>(item));
}

}  // namespace

void append_frame(std::string& out, FrameHeader header, std::string_view payload) {
  const auto start = out.size();
  put(out, frame_magic);
  put(out, static_cast<std::uint32_t>(payload.size()));
  put(out, header.kind);
  put(out, header.version);
  put(out, static_cast<std::uint8_t>(header.sealed ? flag_sealed : 0));
  put(out, std::uint8_t{0});
  put(out, std::uint32_t{0});
  put(out, header.sequence);
  put(out, crc_of(payload));
  put(out, crc_of(std::string_view(out).substr(start)));
  out += payload;
}

std::optional<FrameHeader> parse_frame_header(std::string_view bytes) {
  constexpr auto checked = journal_header_bytes - sizeof(std::uint32_t);
  if (get<std::uint32_t>(bytes, 0) != frame_magic || get<std::uint32_t>(bytes, checked) != crc_of(bytes.substr(0, checked))) return {};
  return FrameHeader{.payload_bytes = get<std::uint32_t>(bytes, 4),
                     .kind = get<std::uint8_t>(bytes, 8),
                     .version = get<std::uint8_t>(bytes, 9),
                     .sealed = (get<std::uint8_t>(bytes, 10) & flag_sealed) != 0,
                     .sequence = get<std::uint64_t>(bytes, 16),
                     .payload_crc = get<std::uint32_t>(bytes, 24)};
}

bool payload_holds(const FrameHeader& header, std::string_view payload) { return crc_of(payload) == header.payload_crc; }

std::uint8_t kind_of(const RecordItem& item) {
  if (std::holds_alternative<RecordedTurn>(item)) return static_cast<std::uint8_t>(Kind::turn);
  return static_cast<std::uint8_t>(std::holds_alternative<SessionRecord>(item) ? Kind::session : Kind::audit);
}

std::string encode_record(const RecordItem& item) {
  std::string out;
  out.reserve(encoded_bytes(item));
  Encoder encoder{out};
  fields_of(encoder, item);
  return out;
}

std::size_t encoded_bytes(const RecordItem& item) {
  Sizer sizer;
  fields_of(sizer, item);
  return sizer.bytes;
}

Result<RecordItem> decode_record(std::uint8_t kind, std::uint8_t version, std::string_view payload) {
  const Error damaged{Errc::data_corrupt, "a journal record of kind " + std::to_string(kind) + ", version " + std::to_string(version) +
                                              ", is not one this release can read"};
  if (version != journal_record_version) return damaged;
  Decoder decoder{payload};
  RecordItem item;
  switch (static_cast<Kind>(kind)) {
    case Kind::turn: turn_fields(decoder, item.emplace<RecordedTurn>().record); break;
    case Kind::session: session_fields(decoder, item.emplace<SessionRecord>()); break;
    case Kind::audit: audit_fields(decoder, item.emplace<RecordedAudit>()); break;
    default: return damaged;
  }
  if (!decoder.good || !decoder.in.empty()) return damaged;
  return item;
}

std::string encode_mark(std::uint64_t value) {
  std::string out;
  put(out, mark_magic);
  put(out, value);
  put(out, crc_of(out));
  return out;
}

std::optional<std::uint64_t> decode_mark(std::string_view bytes) {
  constexpr std::size_t checked = 2 * sizeof(std::uint64_t);
  if (bytes.size() < checked + sizeof(std::uint32_t) || get<std::uint64_t>(bytes, 0) != mark_magic) return {};
  if (get<std::uint32_t>(bytes, checked) != crc_of(bytes.substr(0, checked))) return {};
  return get<std::uint64_t>(bytes, 8);
}

}  // namespace repartee::persistence
