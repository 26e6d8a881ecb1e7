#include "pipeline/kokoro_model.hpp"

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <fstream>
#include <random>

#include "core/ids.hpp"

namespace repartee::pipeline {
namespace {

class KokoroModel : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& bytes) const { std::ofstream(in_, std::ios::binary) << bytes; }
  onnx::ModelProto prepared() const {
    onnx::ModelProto model;
    std::ifstream file(out_, std::ios::binary);
    EXPECT_TRUE(model.ParseFromIstream(&file));
    return model;
  }

  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("repartee-test-" + new_uuid());
  const std::filesystem::path in_ = folder_ / "in.onnx", out_ = folder_ / "out.onnx";
};

void add_node(onnx::GraphProto& graph, const char* op, std::initializer_list<const char*> inputs,
              std::initializer_list<const char*> outputs) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(op);
  for (const char* name : inputs) node.add_input(name);
  for (const char* name : outputs) node.add_output(name);
}

// A convolution of two output channels as dynamic quantisation writes it, and the node whose output gives the durations.
onnx::ModelProto quantised_model() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto& graph = *model.mutable_graph();
  onnx::TensorProto weights, zeros, scales, unread;
  weights.set_name("w");
  weights.set_data_type(onnx::TensorProto::UINT8);
  for (int dim : {2, 1, 2}) weights.add_dims(dim);
  weights.set_raw_data(std::string("\x80\x82\x7e\xff", 4));  // 128 130 | 126 255
  zeros.set_name("z");
  zeros.set_data_type(onnx::TensorProto::UINT8);
  zeros.add_int32_data(128);
  scales.set_name("s");
  scales.set_data_type(onnx::TensorProto::FLOAT);
  scales.add_dims(2);
  scales.add_float_data(0.5F);
  scales.add_float_data(0.25F);
  unread.set_name("unread");
  unread.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto& tensor : {weights, zeros, scales, unread}) *graph.add_initializer() = tensor;
  add_node(graph, "DynamicQuantizeLinear", {"x"}, {"xq", "xs", "xz"});
  add_node(graph, "ConvInteger", {"xq", "w", "xz", "z"}, {"acc"});
  add_node(graph, "Cast", {"acc"}, {"accf"});
  add_node(graph, "Mul", {"xs", "s"}, {"scale"});
  add_node(graph, "Mul", {"accf", "scale"}, {"y"});
  add_node(graph, "Clip", {"y"}, {kokoro_durations_output});
  graph.add_output()->set_name("y");
  return model;
}

TEST_F(KokoroModel, TurnsAQuantisedConvolutionIntoAFloatOne) {
  write(quantised_model().SerializeAsString());
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  const onnx::ModelProto model = prepared();
  ASSERT_EQ(model.graph().node_size(), 2);
  EXPECT_EQ(model.graph().node(0).op_type(), "Conv");
  EXPECT_EQ(model.graph().node(0).input(0), "x");
  EXPECT_EQ(model.graph().node(0).output(0), "y");
  ASSERT_EQ(model.graph().initializer_size(), 1);
  std::array<float, 4> values{};
  const std::string& raw = model.graph().initializer(0).raw_data();
  ASSERT_EQ(raw.size(), sizeof(values));
  std::memcpy(values.data(), raw.data(), sizeof(values));
  EXPECT_EQ(values, (std::array<float, 4>{0.0F, 1.0F, -0.5F, 31.75F}));
}

TEST_F(KokoroModel, ShowsThePhonemeLengthsAsAnOutput) {
  write(quantised_model().SerializeAsString());
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  const onnx::ModelProto model = prepared();
  ASSERT_EQ(model.graph().output_size(), 2);
  EXPECT_EQ(model.graph().output(1).name(), kokoro_durations_output);
}

TEST_F(KokoroModel, LeavesAConvolutionItDoesNotUnderstand) {
  onnx::ModelProto model = quantised_model();
  model.mutable_graph()->mutable_node(2)->set_op_type("Identity");
  write(model.SerializeAsString());
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  EXPECT_EQ(prepared().graph().node(1).op_type(), "ConvInteger");
}

TEST_F(KokoroModel, DoesNothingTheSecondTimeUntilTheSourceChanges) {
  write(quantised_model().SerializeAsString());
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24);
  std::filesystem::last_write_time(out_, long_ago);
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  EXPECT_EQ(std::filesystem::last_write_time(out_), long_ago);
  onnx::ModelProto other = quantised_model();
  other.set_producer_name("another");
  write(other.SerializeAsString());
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  EXPECT_EQ(prepared().producer_name(), "another");
}

TEST_F(KokoroModel, MakesATruncatedResultAgain) {
  write(quantised_model().SerializeAsString());
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  const auto whole = std::filesystem::file_size(out_);
  std::filesystem::resize_file(out_, whole / 2);
  ASSERT_TRUE(prepare_kokoro(in_, out_).ok());
  EXPECT_EQ(std::filesystem::file_size(out_), whole);
}

TEST_F(KokoroModel, RefusesWhatIsNotTheModel) {
  EXPECT_EQ(prepare_kokoro(in_, out_).error().code, Errc::not_found);
  std::mt19937 random(3);
  std::string garbage(2000, '\0');
  for (char& c : garbage) c = static_cast<char>(random());
  for (const std::string& bytes : {garbage, std::string(), onnx::ModelProto().SerializeAsString()}) {
    write(bytes);
    const auto done = prepare_kokoro(in_, out_);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, Errc::data_corrupt);
    EXPECT_FALSE(std::filesystem::exists(out_));
  }
}

}  // namespace
}  // namespace repartee::pipeline
