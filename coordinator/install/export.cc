#include "coordinator/install/export.h"

#include <zlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/status.h"
#include "common/version.h"
#include "coordinator/package/ustar.h"

namespace lighter {
namespace {

using nlohmann::json;

struct TarFile {
  std::string name;
  unsigned mode = 0644;
  std::string bytes;
};

// A tar of regular files, whose names have less than 100 bytes.
std::string MakeTar(const std::vector<TarFile>& files) {
  std::string tar;
  for (const TarFile& file : files) {
    tar += UstarHeader(file.name, file.mode, file.bytes.size());
    tar += file.bytes;
    tar += TarPadding(file.bytes.size());
  }
  return tar + TarEnd();
}

}  // namespace

std::string ExportedImageName() { return absl::StrCat("localhost/lighter-agent:", kVersion); }

absl::StatusOr<std::string> AgentProgram(const AgentPayload& payload) {
  std::string program(payload.unpacked_size, '\0');
  uLongf size = program.size();
  const int result = ::uncompress(reinterpret_cast<Bytef*>(program.data()), &size,
                                  reinterpret_cast<const Bytef*>(payload.compressed.data()),
                                  payload.compressed.size());
  if (result != Z_OK || size != payload.unpacked_size) {
    return absl::DataLossError("the agent that this lighter carries is damaged");
  }
  return program;
}

std::string AgentImageArchive(const std::string& architecture, const std::string& program) {
  std::string layer = MakeTar({{"lighter-agent", 0755, program}});
  const json config = {
      {"architecture", architecture},
      {"os", "linux"},
      {"config", {{"Entrypoint", json::array({"/lighter-agent"})}, {"WorkingDir", "/"}}},
      {"rootfs", {{"type", "layers"}, {"diff_ids", json::array({Digest::Of(layer).str()})}}}};
  const std::string config_bytes = config.dump();
  const std::string config_name = Digest::Of(config_bytes).hex() + ".json";
  const std::string layer_name = Digest::Of(layer).hex() + ".tar";
  const json manifest = json::array({{{"Config", config_name},
                                      {"RepoTags", json::array({ExportedImageName()})},
                                      {"Layers", json::array({layer_name})}}});
  return MakeTar({{config_name, 0644, config_bytes},
                  {layer_name, 0644, std::move(layer)},
                  {"manifest.json", 0644, manifest.dump()}});
}

absl::StatusOr<std::vector<std::string>> ExportAgent(const AgentPayload& payload,
                                                     const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string program, AgentProgram(payload));
  const std::string image = AgentImageArchive(payload.architecture, program);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), "make folder " + folder);
  std::vector<std::string> paths;
  const auto write = [&](const char* name, std::string_view bytes, unsigned mode) {
    return WriteFileAtomic(paths.emplace_back(absl::StrCat(folder, "/", name)), bytes, mode);
  };
  RETURN_IF_ERROR(write(kExportedProgram, program, 0755));
  RETURN_IF_ERROR(write(kExportedUnit, payload.systemd_unit, 0644));
  RETURN_IF_ERROR(write(kExportedImage, image, 0644));
  return paths;
}

}  // namespace lighter
