#include "coordinator/naming/target_names.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/reference.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr std::string_view kOfficialPrefix = "library/";

// A name under which an image is known: from the archive's RepoTags, or for an image without one
// from the hint that was matched to it.
struct SourceName {
  size_t image;
  std::string source_name;  // TargetName::source_name
  Reference reference;
};

// `name` ends with `suffix`, which starts at a path component.
bool EndsWithPath(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '/';
}

bool SameVersion(const Reference& a, const Reference& b) {
  return a.tag == b.tag && a.digest == b.digest;
}

// "bare" for docker.io/library/bare, which most charts write without "library/"; else empty.
std::string_view BareName(const Reference& source) {
  const std::string_view repository = source.repository;
  if (source.registry != "docker.io" || !repository.starts_with(kOfficialPrefix)) return {};
  return repository.substr(kOfficialPrefix.size());
}

class Decider {
 public:
  explicit Decider(const NamingInput& input) : input_(input) {}

  absl::StatusOr<NamingResult> Decide();

 private:
  // A hint on the chart's own values (what the archive should hold) and on the merged ones.
  struct EvaluatedHint {
    const Hint* hint;
    Reference source;
    std::optional<Reference> target;
  };

  void ReadSources();
  void ApplyHints();
  void ApplyUnmatched(const std::vector<EvaluatedHint>& unmatched);
  void ApplyRendered();
  void ApplyRewritten();
  void ApplyMentioned();
  void ApplySourceNames();
  std::optional<Reference> Evaluate(const Hint& hint, const nlohmann::json& values,
                                    std::string_view which);
  // Whether the name asks for the very manifest of the source's image.
  bool Pins(const Reference& name, const SourceName& source) const {
    return name.digest == input_.images[source.image].manifest_digest.str();
  }
  // The names of the one image that a rendered name means; empty where there is none or no single
  // one.
  // `ambiguous`, if given, gets the candidates where there are several.
  std::vector<SourceName> Covering(const Reference& rendered,
                                   std::set<std::string>* ambiguous) const;
  void AddHinted(const SourceName& source, const Reference& target);
  void AddTarget(const SourceName& source, const Reference& target, NameWitness witness);
  absl::Status CheckConflicts() const;
  void Note(std::string text);

  const NamingInput& input_;
  std::vector<SourceName> sources_;
  // By image and name: the strongest witness so far.
  std::map<std::pair<size_t, std::string>, TargetName> targets_;
  NamingResult result_;
};

void Decider::Note(std::string text) {
  auto& notes = result_.notes;
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
}

void Decider::ReadSources() {
  for (size_t i = 0; i < input_.images.size(); ++i) {
    for (const std::string& tag : input_.images[i].repo_tags) {
      const absl::StatusOr<Reference> reference = Reference::Parse(tag);
      if (reference.ok()) {
        sources_.push_back({i, reference->str(), *reference});
      } else {
        Note("the archive names an image so that containerd refuses it: " +
             Message(reference.status()));
      }
    }
  }
}

std::optional<Reference> Decider::Evaluate(const Hint& hint, const nlohmann::json& values,
                                           std::string_view which) {
  const absl::StatusOr<std::string> name = hint.Evaluate(values);
  if (!name.ok()) {
    Note(absl::StrCat(Message(name.status()), " (", ToAbsl(which), ")"));
    return std::nullopt;
  }
  const absl::StatusOr<Reference> reference = Reference::Parse(*name);
  if (!reference.ok()) {
    Note(absl::StrCat("hint \"", hint.text(), "\": ", Message(reference.status()), " (",
                      ToAbsl(which), ")"));
    return std::nullopt;
  }
  return *reference;
}

void Decider::ApplyHints() {
  std::vector<EvaluatedHint> unmatched;
  for (const Hint& hint : input_.hints) {
    const auto source = Evaluate(hint, input_.default_values, "the chart's own values");
    if (!source) continue;
    const auto target = Evaluate(hint, input_.merged_values, "the merged values");
    bool matched = false;
    for (const SourceName& candidate : sources_) {
      const bool is_pinned =
          candidate.reference.name() == source->name() && Pins(*source, candidate);
      if (candidate.reference.str() != source->str() && !is_pinned) continue;
      matched = true;
      if (target) AddHinted(candidate, *target);
    }
    if (!matched) unmatched.push_back({&hint, *source, target});
  }
  ApplyUnmatched(unmatched);
}

// Images saved by digest reference lose their name (RepoTags null). One such image and one hint
// that no other image explains belong together; so do a hint's digest and the image that has it.
void Decider::ApplyUnmatched(const std::vector<EvaluatedHint>& unmatched) {
  std::vector<size_t> nameless;
  for (size_t i = 0; i < input_.images.size(); ++i) {
    if (input_.images[i].repo_tags.empty()) nameless.push_back(i);
  }
  std::set<std::string> unexplained;
  std::set<size_t> explained;
  std::map<std::string, size_t> image_of;  // by the hint's source name
  for (const EvaluatedHint& hint : unmatched) {
    const std::string name = hint.source.str();
    unexplained.insert(name);
    for (const size_t image : nameless) {
      if (hint.source.digest != input_.images[image].manifest_digest.str()) continue;
      image_of[name] = image;
      explained.insert(image);
      unexplained.erase(name);
    }
  }
  std::erase_if(nameless, [&explained](size_t image) { return explained.contains(image); });
  if (nameless.size() == 1 && unexplained.size() == 1) {
    image_of[*unexplained.begin()] = nameless.front();
    nameless.clear();
  }
  for (const size_t image : nameless) {
    Note(absl::StrCat("the archive has an image without a name (config ",
                      input_.images[image].config.digest.str(),
                      "), and no single hint is left that could name it"));
  }
  for (const EvaluatedHint& hint : unmatched) {
    const auto image = image_of.find(hint.source.str());
    if (image == image_of.end()) {
      Note(absl::StrCat("hint \"", hint.hint->text(), "\" means ", hint.source.str(),
                        ", which the archive does not have"));
      continue;
    }
    const SourceName source{image->second, "", hint.source};
    if (hint.target) AddHinted(source, *hint.target);
    sources_.push_back(source);
  }
}

std::vector<SourceName> Decider::Covering(const Reference& rendered,
                                          std::set<std::string>* ambiguous) const {
  // A hint already gave exactly this name.
  std::vector<SourceName> found;
  const std::string full = rendered.str();
  for (const auto& [key, target] : targets_) {
    if (key.second == full) found.push_back({key.first, target.source_name, rendered});
  }
  if (!found.empty()) return found;

  // From the most to the least telling: the whole source name, its path, its bare Docker Hub name.
  const std::string name = rendered.name();
  const auto suffix_rules = {
      +[](const Reference& source) { return source.name(); },
      +[](const Reference& source) { return source.repository; },
      +[](const Reference& source) { return std::string(BareName(source)); },
  };
  for (const auto& rule : suffix_rules) {
    std::set<Digest> manifests;
    for (const SourceName& source : sources_) {
      const std::string suffix = rule(source.reference);
      const bool is_same = SameVersion(source.reference, rendered) || Pins(rendered, source);
      if (suffix.empty() || !is_same) continue;
      if (!EndsWithPath(name, suffix)) continue;
      found.push_back(source);
      manifests.insert(input_.images[source.image].manifest_digest);
    }
    if (manifests.size() == 1) return found;
    if (found.empty()) continue;
    for (const SourceName& source : found) {
      if (ambiguous != nullptr) ambiguous->insert(source.reference.str());
    }
    return {};
  }
  return {};
}

void Decider::ApplyRendered() {
  for (const std::string& name : input_.rendered_names) {
    const absl::StatusOr<Reference> rendered = Reference::Parse(name);
    if (!rendered.ok()) {
      Note("a pod spec asks for a name that cannot be: " + Message(rendered.status()));
    }
    std::set<std::string> ambiguous;
    const std::vector<SourceName> covering =
        rendered.ok() ? Covering(*rendered, &ambiguous) : std::vector<SourceName>();
    for (const SourceName& source : covering) AddTarget(source, *rendered, NameWitness::kRendered);
    if (covering.empty()) result_.uncovered.push_back(name);
    if (!ambiguous.empty()) {
      Note(absl::StrCat("rendered name ", rendered->str(),
                        " could mean any of: ", absl::StrJoin(ambiguous, ", ")));
    }
  }
}

// By its own words a rewritten name may mean nothing that the package has; it means the image of
// the name in whose place it stands.
void Decider::ApplyRewritten() {
  for (const auto& [rendered, admitted] : input_.rewritten_names) {
    const absl::StatusOr<Reference> before = Reference::Parse(rendered);
    const absl::StatusOr<Reference> after = Reference::Parse(admitted);
    if (!after.ok()) {
      Note("admission has a pod ask for a name that cannot be: " + Message(after.status()));
      continue;
    }
    std::vector<SourceName> covering = Covering(*after, nullptr);
    if (covering.empty() && before.ok()) covering = Covering(*before, nullptr);
    for (const SourceName& source : covering) AddTarget(source, *after, NameWitness::kAdmitted);
    if (covering.empty()) result_.uncovered.push_back(admitted);
  }
}

// Operators and the like start images that no pod spec of the release names; charts tell them by
// arguments, often with a registry in front that the hints do not have.
void Decider::ApplyMentioned() {
  for (const std::string& name : input_.mentioned_names) {
    const absl::StatusOr<Reference> mentioned = Reference::Parse(name);
    if (!mentioned.ok()) continue;
    for (const SourceName& source : Covering(*mentioned, nullptr)) {
      AddTarget(source, *mentioned, NameWitness::kRendered);
    }
  }
}

void Decider::ApplySourceNames() {
  for (const SourceName& source : sources_) {
    const auto first = targets_.lower_bound({source.image, ""});
    const bool has_witness = first != targets_.end() && first->first.first == source.image &&
                             first->second.witness != NameWitness::kSource;
    if (!has_witness) AddTarget(source, source.reference, NameWitness::kSource);
  }
}

// Values may move an image to another registry or repository, never to another version: a tag set
// by the user, or kept from an earlier upgrade, asks for an image that the package does not have,
// and the name may already be another image's on the nodes.
void Decider::AddHinted(const SourceName& source, const Reference& target) {
  if (Pins(target, source) || SameVersion(source.reference, target)) {
    AddTarget(source, target, NameWitness::kHint);
    return;
  }
  Note(absl::StrCat("the values ask for ", target.str(), ", the package has ",
                    source.reference.str(), ": another version, so another image"));
}

void Decider::AddTarget(const SourceName& source, const Reference& target, NameWitness witness) {
  const TargetName entry{source.image, source.source_name, target.str(), witness};
  const auto [it, is_new] = targets_.emplace(std::pair(source.image, entry.name), entry);
  if (!is_new && (witness == NameWitness::kRendered || witness == NameWitness::kAdmitted)) {
    it->second.witness = witness;
  }
  const std::string digest = input_.images[source.image].manifest_digest.str();
  if (is_new && !target.digest.empty() && target.digest != digest) {
    Note(absl::StrCat(entry.name, " pins a digest; the archive's image has manifest ", digest,
                      " (archives of this kind do not keep the original manifest)"));
  }
}

absl::Status Decider::CheckConflicts() const {
  std::map<std::string, const TargetName*> by_name;
  for (const auto& [key, target] : targets_) {
    const auto [it, is_new] = by_name.emplace(target.name, &target);
    if (is_new) continue;
    const TargetName& other = *it->second;
    const ArchiveImage& a = input_.images[other.image];
    const ArchiveImage& b = input_.images[target.image];
    if (a.manifest_digest == b.manifest_digest) continue;
    const auto describe = [](const TargetName& t, const ArchiveImage& image) {
      return absl::StrCat(t.source_name.empty() ? "an image without a name" : t.source_name, " (",
                          image.manifest_digest.str(), ")");
    };
    return absl::FailedPreconditionError(absl::StrCat("two images would get the name ", target.name,
                                                      ": ", describe(other, a), " and ",
                                                      describe(target, b)));
  }
  return absl::OkStatus();
}

absl::StatusOr<NamingResult> Decider::Decide() {
  ReadSources();
  ApplyHints();
  ApplyRendered();
  ApplyRewritten();
  ApplyMentioned();
  ApplySourceNames();
  RETURN_IF_ERROR(CheckConflicts());
  for (auto& [key, target] : targets_) result_.targets.push_back(std::move(target));
  return std::move(result_);
}

}  // namespace

absl::StatusOr<NamingResult> DecideTargetNames(const NamingInput& input) {
  return Decider(input).Decide();
}

}  // namespace lighter
