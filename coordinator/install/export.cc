#include "coordinator/install/export.h"

#include <zlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/status.h"
#include "common/version.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr size_t kTarBlock = 512;

struct TarFile {
  std::string name;
  unsigned mode = 0644;
  std::string bytes;
};

// A regular file's header in POSIX ustar format (pax(1), "ustar Interchange Format"), of root's and
// without times. libarchive could write it, but its static library asks for every compression there
// is.
std::string UstarHeader(const std::string& name, unsigned mode, uint64_t size) {
  std::string header(kTarBlock, '\0');
  const auto put = [&](size_t at, const std::string& field) {
    header.replace(at, field.size(), field);
  };
  put(0, name);
  put(100, absl::StrFormat("%07o", mode));
  put(108, "0000000");
  put(116, "0000000");
  put(124, absl::StrFormat("%011o", size));
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, absl::StrFormat("%06o", sum) + std::string("\0 ", 2));
  return header;
}

// A tar of regular files, whose names have less than 100 bytes.
std::string MakeTar(const std::vector<TarFile>& files) {
  std::string tar;
  for (const TarFile& file : files) {
    tar += UstarHeader(file.name, file.mode, file.bytes.size());
    tar += file.bytes;
    tar.resize((tar.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
  }
  tar.resize(tar.size() + 2 * kTarBlock);
  return tar;
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
