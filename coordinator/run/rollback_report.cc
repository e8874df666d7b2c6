#include "coordinator/run/rollback_report.h"

#include "absl/strings/str_cat.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/describe.h"
#include "coordinator/run/verify_report.h"

namespace lighter {

using nlohmann::ordered_json;

std::string DescribeRollbackPlan(const RollbackPlan& plan) {
  const StoredRevision& revision = plan.target().revision;
  std::string text =
      absl::StrCat("Release ", plan.release.name, " (namespace ", plan.release.ns,
                   "): from revision ", plan.release.revision, " (", OneLine(plan.release.chart),
                   ", ", plan.release.status, ") to revision ", revision.revision, " (",
                   OneLine(revision.chart), "-", OneLine(revision.version), ")\n");
  for (const std::string& note : plan.notes) absl::StrAppend(&text, "note: ", OneLine(note), "\n");
  return text + DescribeVerify(plan.verified);
}

ordered_json RollbackPlanToJson(const RollbackPlan& plan) {
  std::vector<std::string> notes = plan.notes;
  notes.insert(notes.end(), plan.verified.notes.begin(), plan.verified.notes.end());
  return {{"apiVersion", kJsonApiVersion},
          {"kind", "Rollback"},
          {"fromRevision", plan.release.revision},
          {"fromStatus", plan.release.status},
          {"toRevision", plan.target().revision.revision},
          {"proven", plan.verified.proven()},
          {"verified", VerifiedReleaseToJson(plan.target())},
          {"nodes", AskedNodesToJson(plan.verified.nodes)},
          {"leftOut", LeftOutToJson(plan.verified.nodes)},
          {"notes", notes}};
}

std::string DescribeRollback(const RollbackPlan& plan, const RollbackReport& report,
                             const RunFolder& folder) {
  if (!report.blocked.ok()) {
    return absl::StrCat("Helm was not run: no release was changed and no pod was touched.\n  ",
                        Message(report.blocked), "\n",
                        plan.verified.proven() ? "" : DescribeVerify(plan.verified));
  }
  return absl::StrCat(report.Succeeded() ? "" : Headline({report.release}),
                      DescribeVerify(plan.verified), DescribeReleaseReport(report.release),
                      "Evidence: ", folder.path(), "\n");
}

ordered_json RollbackToJson(const RollbackPlan& plan, const RollbackReport& report,
                            const RunFolder& folder, const RunTimes& times) {
  ordered_json json = RollbackPlanToJson(plan);
  json["blocked"] = Message(report.blocked);
  json["ownSeconds"] = absl::ToDoubleSeconds(times.total - times.children);
  json["childSeconds"] = absl::ToDoubleSeconds(times.children);
  json["desiredGeneration"] = report.desired.generation;
  json["desiredError"] = Message(report.desired.status);
  json["runFolder"] = folder.path();
  json["release"] = ReleaseReportToJson(report.release);
  return json;
}

}  // namespace lighter
