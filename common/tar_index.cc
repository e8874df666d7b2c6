#include "common/tar_index.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/compression.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr uint64_t kBlock = 512;  // tar's unit: headers, and entry data padded to it
constexpr uint64_t kReadBytes = 32 * kKiB;
constexpr std::string_view kTruncated = "the file is truncated or was not copied completely";

uint64_t Padded(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }
std::string Quoted(std::string_view name) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(ToAbsl(name.substr(0, 300))), "\"");
}

// What libarchive reads from: a range of a file, at its own position.
struct Source {
  const ReadableFile* file;
  uint64_t position;  // absolute in the file
  uint64_t end;
  std::vector<char> buffer = std::vector<char>(kReadBytes);
  absl::Status status;  // of the first failed read

  uint64_t left() const { return end - position; }
};

la_ssize_t ReadCallback(archive* a, void* data, const void** out) {
  auto* source = static_cast<Source*>(data);
  const uint64_t size = std::min<uint64_t>(source->buffer.size(), source->left());
  source->status = source->file->ReadAt(source->position, source->buffer.data(), size);
  if (!source->status.ok()) {
    archive_set_error(a, EIO, "read error");
    return ARCHIVE_FATAL;
  }
  source->position += size;
  *out = source->buffer.data();
  return static_cast<la_ssize_t>(size);
}

la_int64_t SkipCallback(archive*, void* data, la_int64_t request) {
  auto* source = static_cast<Source*>(data);
  const uint64_t size = std::min<uint64_t>(static_cast<uint64_t>(request), source->left());
  source->position += size;
  return static_cast<la_int64_t>(size);
}

// PAX names are UTF-8; in another locale libarchive warns and gives the bytes as stored, which is
// what is wanted.
bool IsOnlyCharsetWarning(archive* a, int result) {
  const char* text = archive_error_string(a);
  return result == ARCHIVE_WARN && text != nullptr &&
         std::string_view(text).find("can't be converted from") != std::string_view::npos;
}

struct ArchiveDeleter {
  void operator()(archive* a) const { archive_read_free(a); }
};

TarEntryType TypeOf(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return TarEntryType::kHardlink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return TarEntryType::kRegular;
    case AE_IFDIR:
      return TarEntryType::kDirectory;
    case AE_IFLNK:
      return TarEntryType::kSymlink;
    default:
      return TarEntryType::kOther;
  }
}

// One pass over the headers of a tar.
class Indexer {
 public:
  Indexer(const ReadableFile& file, TarRange range, const std::string& what)
      : file_(file),
        what_(what),
        begin_(range.offset),
        end_(range.offset + range.size),
        next_header_(range.offset),
        source_{.file = &file, .position = range.offset, .end = end_, .status = {}} {}

  absl::StatusOr<std::vector<TarEntry>> Run();

 private:
  absl::Status CheckStart() const;
  // Adds the entry that libarchive just read the header of.
  absl::Status Add(archive* a, archive_entry* raw);
  absl::StatusOr<std::string> SafeName(std::string_view stored, uint64_t header_offset) const;
  absl::Status CheckExtendedHeaders(uint64_t header_offset, uint64_t data_offset) const;
  absl::Status CheckEnd() const;
  absl::Status HeaderError(archive* a) const;
  std::string After() const;

  const ReadableFile& file_;
  const std::string& what_;
  const uint64_t begin_;
  const uint64_t end_;
  uint64_t next_header_;  // where the next header must start, absolute
  Source source_;
  std::vector<TarEntry> entries_;
};

absl::Status Indexer::CheckStart() const {
  if (begin_ > file_.size() || end_ > file_.size() || end_ < begin_) {
    return absl::DataLossError(absl::StrCat(what_, ": bytes ", begin_, " to ", end_, " expected, ",
                                            file_.path(), " has ", file_.size(), "; ",
                                            ToAbsl(kTruncated)));
  }
  ASSIGN_OR_RETURN(const std::string start,
                   file_.ReadAt(begin_, std::min<uint64_t>(end_ - begin_, kCompressionMagicBytes)));
  std::string command;
  switch (DetectCompression(start)) {
    case Compression::kNone:
      return absl::OkStatus();
    case Compression::kGzip:
      command = "gunzip -k ";
      break;
    case Compression::kZstd:
      command = "zstd -d ";
      break;
    case Compression::kXz:
      command = "xz -dk ";
      break;
    case Compression::kBzip2:
      command = "bunzip2 -k ";
      break;
    case Compression::kLz4:
      command = "lz4 -d ";
      break;
  }
  const std::string compressed =
      absl::StrCat(what_, ": compressed with ", ToAbsl(CompressionName(DetectCompression(start))),
                   "; packages are read in place and must be plain tar files");
  const bool whole_file = begin_ == 0 && end_ == file_.size();
  return absl::InvalidArgumentError(
      whole_file
          ? absl::StrCat(compressed, ". Unpack it first: ", command, file_.path())
          : absl::StrCat(compressed, ". Unpack ", file_.path(), " and this file in it first"));
}

std::string Indexer::After() const {
  return entries_.empty() ? "at the first entry"
                          : absl::StrCat("after entry ", Quoted(entries_.back().name));
}

absl::Status Indexer::HeaderError(archive* a) const {
  if (!source_.status.ok()) return Annotate(source_.status, what_);
  const char* text = archive_error_string(a);
  const std::string_view detail = text == nullptr ? "unreadable header" : text;
  if (entries_.empty() && next_header_ == begin_ && detail == "Unrecognized archive format") {
    return absl::InvalidArgumentError(absl::StrCat(what_, ": not a tar file"));
  }
  const std::string where =
      absl::StrCat(what_, ": offset ", next_header_, ", ", After(), ": ", ToAbsl(detail));
  if (end_ - next_header_ < kBlock || detail.starts_with("Truncated")) {
    return absl::DataLossError(absl::StrCat(where, "; ", ToAbsl(kTruncated)));
  }
  return absl::InvalidArgumentError(where);
}

absl::StatusOr<std::string> Indexer::SafeName(std::string_view stored,
                                              uint64_t header_offset) const {
  std::string_view problem;
  if (stored.empty()) problem = "an empty name";
  if (stored.size() > kMaxNameBytes) problem = "a name that is too long";
  if (stored.starts_with('/')) problem = "an absolute name";
  if (std::any_of(stored.begin(), stored.end(), absl::ascii_iscntrl)) {
    problem = "a name with control characters";
  }
  std::string name;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(stored), '/')) {
    if (part == "..") problem = "a name that leads out of its folder";
    if (part.empty() || part == ".") continue;
    absl::StrAppend(&name, name.empty() ? "" : "/", part);
  }
  if (problem.empty()) return name;
  return absl::InvalidArgumentError(absl::StrCat(what_, ": entry ", Quoted(stored), " at offset ",
                                                 header_offset, " has ", ToAbsl(problem)));
}

// libarchive cuts a PAX path at a NUL byte; two readers could see two names, so it is refused.
absl::Status Indexer::CheckExtendedHeaders(uint64_t header_offset, uint64_t data_offset) const {
  if (data_offset - header_offset <= kBlock) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string raw, file_.ReadAt(header_offset, data_offset - header_offset));
  constexpr std::string_view kKey = "path=";  // of "linkpath=", too
  for (size_t at = raw.find(kKey); at != std::string::npos; at = raw.find(kKey, at)) {
    const std::string_view value = std::string_view(raw).substr(at, raw.find('\n', at) - at);
    at += value.size();  // a key within the value is part of it
    if (value.find('\0') == std::string_view::npos) continue;
    return absl::InvalidArgumentError(absl::StrCat(what_, ": entry ",
                                                   Quoted(value.substr(kKey.size())), " at offset ",
                                                   header_offset, " has a NUL byte in its name"));
  }
  return absl::OkStatus();
}

absl::Status Indexer::Add(archive* a, archive_entry* raw) {
  const auto header = begin_ + static_cast<uint64_t>(archive_read_header_position(a));
  const auto data = begin_ + static_cast<uint64_t>(archive_filter_bytes(a, 0));
  const char* path = archive_entry_pathname(raw);
  const std::string_view stored = path == nullptr ? "" : path;
  // Sparse entries and bodies in odd places would make offsets wrong: libarchive's idea of where
  // this header starts must be ours.
  if (header != next_header_ || archive_entry_sparse_count(raw) > 0) {
    const std::string& culprit = entries_.empty() ? what_ : entries_.back().name;
    return absl::InvalidArgumentError(
        absl::StrCat(what_, ": entry ", header != next_header_ ? Quoted(culprit) : Quoted(stored),
                     " is not stored as one plain run of bytes (a sparse entry?)"));
  }
  if (data > end_) {
    return absl::DataLossError(absl::StrCat(what_, ": the header of entry ", Quoted(stored),
                                            " at offset ", header, " is cut off at ", end_, "; ",
                                            ToAbsl(kTruncated)));
  }
  TarEntry entry;
  ASSIGN_OR_RETURN(entry.name, SafeName(stored, header));
  RETURN_IF_ERROR(CheckExtendedHeaders(header, data));
  entry.type = TypeOf(raw);
  entry.offset = data;
  const la_int64_t size = archive_entry_size_is_set(raw) ? archive_entry_size(raw) : 0;
  if (size < 0 || static_cast<uint64_t>(size) > end_ - data ||
      Padded(static_cast<uint64_t>(size)) > end_ - data) {
    return absl::DataLossError(absl::StrCat(what_, ": entry ", Quoted(entry.name), " at offset ",
                                            header, " says it has ", size, " bytes, only ",
                                            end_ - data, " follow; ", ToAbsl(kTruncated)));
  }
  entry.size = static_cast<uint64_t>(size);
  const char* link = entry.type == TarEntryType::kHardlink ? archive_entry_hardlink(raw)
                                                           : archive_entry_symlink(raw);
  if (link != nullptr) entry.link_target = link;
  if (entry.link_target.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(what_, ": entry ", Quoted(entry.name),
                                                   " at offset ", header, " has a link target ",
                                                   "that is too long"));
  }

  next_header_ = data + Padded(entry.size);
  const bool is_root = entry.name.empty();  // "./", which `tar cf x.tar .` writes first
  if (!is_root) entries_.push_back(std::move(entry));
  if (entries_.size() > kMaxTarEntries) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what_, ": more than ", kMaxTarEntries, " entries"));
  }
  return absl::OkStatus();
}

// A tar ends with blocks of zeros. Without this check a file cut off between two entries would look
// like a smaller but sound package.
absl::Status Indexer::CheckEnd() const {
  const uint64_t size = std::min(kBlock, end_ - next_header_);
  ASSIGN_OR_RETURN(const std::string block, file_.ReadAt(next_header_, size));
  if (size == kBlock && block.find_first_not_of('\0') == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(what_, ": offset ", next_header_, ", ", After(),
                                          ": no end-of-archive mark; ", ToAbsl(kTruncated)));
}

absl::StatusOr<std::vector<TarEntry>> Indexer::Run() {
  RETURN_IF_ERROR(CheckStart());
  std::unique_ptr<archive, ArchiveDeleter> a(archive_read_new());
  archive_read_support_format_tar(a.get());
  // Names as bytes: no conversion to the locale's character set, which could fail or change them.
  archive_read_set_options(a.get(), "tar:hdrcharset=BINARY");
  archive_read_set_read_callback(a.get(), ReadCallback);
  archive_read_set_skip_callback(a.get(), SkipCallback);
  archive_read_set_callback_data(a.get(), &source_);
  if (archive_read_open1(a.get()) != ARCHIVE_OK) return HeaderError(a.get());
  while (true) {
    archive_entry* raw = nullptr;
    const int result = archive_read_next_header(a.get(), &raw);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK && !IsOnlyCharsetWarning(a.get(), result)) return HeaderError(a.get());
    RETURN_IF_ERROR(Add(a.get(), raw));
  }
  RETURN_IF_ERROR(CheckEnd());
  return std::move(entries_);
}

}  // namespace

absl::StatusOr<std::vector<TarEntry>> IndexTar(const ReadableFile& file, TarRange range,
                                               const std::string& what) {
  return Indexer(file, range, what).Run();
}

}  // namespace lighter
