// The unpacked trees are those that containerd's own import makes, entry by entry.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/limits.h"
#include "tests/integration/node_test.h"
#include "tests/support/bundle_builder.h"

namespace lighter::testing {
namespace {

using support::File;
using support::Folder;
using support::Hardlink;
using support::LayerEntry;
using support::MakeImage;
using support::MakeLayer;
using support::OpaqueFolder;
using support::Symlink;
using support::Whiteout;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class TreeTest : public NodeTest {};
FOR_EVERY_CONTAINERD(TreeTest);

std::string Attributes(const std::string& path) {
  std::string names(4096, '\0');
  const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
  names.resize(size > 0 ? static_cast<size_t>(size) : 0);
  std::map<std::string, std::string> values;
  for (const absl::string_view name : absl::StrSplit(names, '\0', absl::SkipEmpty())) {
    std::string value(4096, '\0');
    const std::string key(name);
    const ssize_t length = ::lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    values[key] = value.substr(0, length > 0 ? static_cast<size_t>(length) : 0);
  }
  std::string text;
  for (const auto& [key, value] : values) absl::StrAppend(&text, " ", key, "=", value);
  return text;
}

// Everything that a container could see of one entry, but its inode number.
std::string Describe(const std::string& path) {
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0) return "unreadable";
  std::string text = absl::StrCat(absl::Hex(st.st_mode), " ", st.st_uid, ":", st.st_gid, " links ",
                                  st.st_nlink, " dev ", st.st_rdev);
  // Folders that the layer does not list, and whiteouts, have the time at which they were made.
  const bool whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0;
  if (!S_ISDIR(st.st_mode) && !whiteout)
    absl::StrAppend(&text, " size ", st.st_size, " time ", st.st_mtime);
  if (S_ISLNK(st.st_mode)) {
    absl::StrAppend(&text, " -> ", std::filesystem::read_symlink(path).string());
  }
  if (S_ISREG(st.st_mode)) {
    absl::StrAppend(&text, " ", Digest::Of(ReadFile(path, 64 * kMiB).value_or("?")).hex());
  }
  return text + Attributes(path);
}

using Tree = std::map<std::string, std::string>;

Tree ReadTree(const std::string& folder) {
  Tree tree;
  tree["."] = Describe(folder);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    tree[path.substr(folder.size() + 1)] = Describe(path);
  }
  return tree;
}

// The layers' folders on disk, top to bottom, from an overlay mount that ctr prepares.
std::vector<Tree> ReadLayers(const TestContainerd& containerd, const std::string& top) {
  const auto mount = containerd.Ctr({"snapshots", "prepare", "--target", "/mnt", "look", top});
  EXPECT_OK(mount.status());
  std::vector<Tree> trees;
  const size_t start = mount.ok() ? mount->find("lowerdir=") : std::string::npos;
  if (start == std::string::npos) return trees;
  const std::string option =
      mount->substr(start + 9, mount->find_first_of(", \n", start + 9) - start - 9);
  for (const absl::string_view folder : absl::StrSplit(option, ':')) {
    trees.push_back(ReadTree(std::string(folder)));
  }
  EXPECT_OK(containerd.Ctr({"snapshots", "rm", "look"}).status());
  return trees;
}

// A hard link carries a header of its own, whose mode counts.
LayerEntry SetuidHardlink(const std::string& path, const std::string& target) {
  LayerEntry entry = Hardlink(path, target);
  entry.spec.mode = 04755;
  return entry;
}

LayerEntry Special(support::TarSpec spec) { return {std::move(spec), {}}; }

std::vector<support::Layer> OddLayers() {
  LayerEntry owned = File("home/user/data", "owned", 0600);
  owned.spec.uid = 1000;
  owned.spec.gid = 1001;
  owned.spec.mtime = 1'234'567'890;
  LayerEntry tagged = File("tagged", "with attributes");
  tagged.spec.pax = {{"SCHILY.xattr.user.note", "hello"},
                     {"SCHILY.xattr.security.capability",
                      std::string("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00"
                                  "\x00\x00\x00\x00\x00\x00\x00\x00",
                                  20)}};
  return {
      MakeLayer(
          {Folder("bin"), File("bin/su", "#!", 04755), File("bin/wall", "#!", 02755),
           SetuidHardlink("bin/su-too", "bin/su"), Symlink("bin/sh", "/bin/su"),
           Folder("tmp", 01777), Folder("home", 0711), owned, Folder("gone"), File("gone/a", "a"),
           File("gone/b", "b"), Folder("hidden"), File("hidden/a", "a"), File("lone", "x"), tagged,
           Special({.name = "dev/null", .type = '3', .mode = 0666, .dev_major = 1, .dev_minor = 3}),
           Special({.name = "run/pipe", .type = '6', .mode = 0644}),
           File(std::string(120, 'd') + "/" + std::string(130, 'f'), "long name")}),
      MakeLayer({Whiteout("lone"), Whiteout("gone/a"), Folder("hidden"), OpaqueFolder("hidden"),
                 File("hidden/new", "n"), Folder("bin"), File("bin/su", "#!", 04755),
                 SetuidHardlink("bin/su-again", "bin/su"), File("home/user/data", "again"),
                 File("without/parent", "p")},
                Compression::kZstd),
      MakeLayer({Whiteout("gone"), File("gone", "a file now"), Whiteout("bin/sh"),
                 Symlink("bin/sh", "su-too")},
                Compression::kNone),
  };
}

TEST_P(TreeTest, LayersUnpackAsCtrUnpacksThem) {
  const support::Image image = MakeImage({"example.com/odd:1"}, OddLayers());
  ImageSet images;
  images.Add(image, {"example.com/odd:1"});
  const LoadResult loaded = Load(agent(), images);
  ASSERT_OK(loaded.status);
  const std::string top = loaded.proofs.at(0).top_chain_id();
  const std::vector<Tree> ours = ReadLayers(containerd(), top);
  ASSERT_THAT(ours, SizeIs(3));
  EXPECT_GT(ours[2].size(), 15U);
  EXPECT_THAT(ours[2].at("bin/su-too"), StartsWith("89ed 0:0 links 2"));  // setuid
  EXPECT_THAT(ours[1].at("hidden"), HasSubstr("trusted.overlay.opaque=y"));

  auto other = TestContainerd::Start(GetParam());
  ASSERT_OK(other.status());
  const support::TempDir folder;
  const std::string archive = folder.File("images.tar");
  ASSERT_OK(support::ImagesTar({image}).WriteTo(archive));
  ASSERT_OK((*other)->Ctr({"images", "import", archive}).status());
  const std::vector<Tree> theirs = ReadLayers(**other, top);
  ASSERT_THAT(theirs, SizeIs(3));
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], theirs[i]) << "layer " << 3 - i;
}

}  // namespace
}  // namespace lighter::testing
