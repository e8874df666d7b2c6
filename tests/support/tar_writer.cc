#include "tests/support/tar_writer.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status.h"

namespace lighter::support {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameBytes = 100;
constexpr size_t kPrefixBytes = 155;
constexpr uint64_t kMaxOctalSize = 0777'7777'7777;  // 8 GiB - 1

// POSIX pax, "ustar Interchange Format".
struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, kNameBytes};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kUname{265, 32};
constexpr Field kGname{297, 32};
constexpr Field kDevMajor{329, 8};
constexpr Field kDevMinor{337, 8};
constexpr Field kPrefix{345, kPrefixBytes};

void Put(std::string& block, Field field, std::string_view text) {
  text = text.substr(0, field.size);
  std::copy(text.begin(), text.end(), block.begin() + static_cast<ptrdiff_t>(field.offset));
}

void PutOctal(std::string& block, Field field, uint64_t value) {
  Put(block, field, absl::StrFormat("%0*o", static_cast<int>(field.size - 1), value));
}

// The first byte's top bit says so; big-endian.
void PutBase256(std::string& block, Field field, uint64_t value) {
  block[field.offset] = '\x80';
  for (size_t i = field.size - 1; i > 0; --i, value >>= 8) {
    block[field.offset + i] = static_cast<char>(value & 0xff);
  }
}

bool IsAscii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c > 0; });
}

std::string OnlyAscii(std::string_view s) {
  std::string ascii;
  std::copy_if(s.begin(), s.end(), std::back_inserter(ascii), [](char c) { return c > 0; });
  return ascii;
}

// Where a long name can be cut at a slash into prefix and name; npos where it cannot (Go's
// splitUSTARPath).
size_t SplitAt(std::string_view name) {
  const size_t length = std::min(name.size() - (name.ends_with('/') ? 1 : 0), kPrefixBytes + 1);
  const size_t slash = name.substr(0, length).rfind('/');
  const bool fits = slash != std::string_view::npos && slash > 0 && slash + 1 < name.size() &&
                    name.size() - slash - 1 <= kNameBytes;
  return fits ? slash : std::string_view::npos;
}

// One 512-byte header. A name that does not fit is cut.
std::string Block(const TarSpec& spec, uint64_t size, size_t split) {
  std::string block(kBlock, '\0');
  if (split == std::string_view::npos) {
    Put(block, kName, OnlyAscii(spec.name));
  } else {
    Put(block, kPrefix, spec.name.substr(0, split));
    Put(block, kName, spec.name.substr(split + 1));
  }
  PutOctal(block, kMode, spec.mode);
  PutOctal(block, kUid, spec.uid);
  PutOctal(block, kGid, spec.gid);
  if (spec.gnu && size > kMaxOctalSize) {
    PutBase256(block, kSize, size);
  } else {
    PutOctal(block, kSize, size > kMaxOctalSize ? 0 : size);
  }
  PutOctal(block, kMtime, static_cast<uint64_t>(spec.mtime));
  Put(block, kType, std::string_view(&spec.type, 1));
  Put(block, kLink, OnlyAscii(spec.link));
  Put(block, kMagic, std::string_view("ustar\00000", 8));
  Put(block, kUname, spec.uname);
  Put(block, kGname, spec.gname);
  PutOctal(block, kDevMajor, spec.dev_major);
  PutOctal(block, kDevMinor, spec.dev_minor);
  FixTarChecksum(block);
  return block;
}

std::string PaddedToBlock(std::string bytes) {
  bytes.resize((bytes.size() + kBlock - 1) / kBlock * kBlock);
  return bytes;
}

// "<length> key=value\n", the length counting itself.
std::string PaxRecord(const std::string& key, const std::string& value) {
  const std::string tail = absl::StrCat(" ", key, "=", value, "\n");
  size_t length = tail.size();
  while (absl::StrCat(length).size() + tail.size() != length) {
    length = absl::StrCat(length).size() + tail.size();
  }
  return absl::StrCat(length, tail);
}

std::string PaxBlocks(const TarSpec& spec, const std::map<std::string, std::string>& records) {
  std::string body;
  for (const auto& [key, value] : records) body += PaxRecord(key, value);
  const size_t slash = spec.name.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : spec.name.substr(0, slash + 1);
  const std::string base = spec.name.substr(folder.size());
  const TarSpec header{
      .name = OnlyAscii(absl::StrCat(folder, "PaxHeaders.0/", base)), .type = 'x', .mode = 0};
  return Block(header, body.size(), std::string_view::npos) + PaddedToBlock(body);
}

}  // namespace

std::string TarHeader(const TarSpec& spec, uint64_t size) {
  std::map<std::string, std::string> records(spec.pax.begin(), spec.pax.end());
  std::string before;
  size_t split = std::string_view::npos;
  if (spec.name.size() > kNameBytes || !IsAscii(spec.name)) {
    if (IsAscii(spec.name)) split = SplitAt(spec.name);
    if (split != std::string_view::npos) {
      // fits as prefix and name
    } else if (spec.gnu) {
      const std::string body = spec.name + '\0';
      before = Block({.name = "././@LongLink", .type = 'L', .mode = 0}, body.size(),
                     std::string_view::npos) +
               PaddedToBlock(body);
    } else {
      records.emplace("path", spec.name);
    }
  }
  if (spec.link.size() > kNameBytes || !IsAscii(spec.link)) records.emplace("linkpath", spec.link);
  if (size > kMaxOctalSize && !spec.gnu) records.emplace("size", absl::StrCat(size));
  if (!records.empty()) before += PaxBlocks(spec, records);
  return before + Block(spec, size, split);
}

void FixTarChecksum(std::string& tar, size_t at) {
  std::fill_n(tar.begin() + static_cast<ptrdiff_t>(at + kChecksum.offset), kChecksum.size, ' ');
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(tar[at + i]);
  const std::string text = absl::StrFormat("%06o", sum) + '\0';
  std::copy(text.begin(), text.end(), tar.begin() + static_cast<ptrdiff_t>(at + kChecksum.offset));
}

uint64_t TarWriter::Add(const TarSpec& spec, const Rope& data) {
  tar_.Append(TarHeader(spec, data.size()));
  const uint64_t offset = tar_.size();
  tar_.Append(data);
  tar_.AppendZeros((kBlock - data.size() % kBlock) % kBlock);
  return offset;
}

Rope TarWriter::Finish() const {
  Rope tar = tar_;
  tar.AppendZeros(2 * kBlock);
  return tar;
}

}  // namespace lighter::support
