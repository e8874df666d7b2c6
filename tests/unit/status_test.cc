#include "common/status.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "common/usage_error.h"

namespace lighter {
namespace {

TEST(StatusTest, AnnotateKeepsTheCode) {
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
  const absl::Status status = Annotate(absl::DataLossError("short"), "a.tar");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Message(status), "a.tar: short");
}

TEST(StatusTest, AnErrorOfTheCommandLineStaysOne) {
  const absl::Status status = UsageError(absl::AbortedError("no such flag"));
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_TRUE(IsUsageError(Annotate(status, "a.tar")));
  EXPECT_FALSE(IsUsageError(Annotate(absl::AbortedError("broken"), "a.tar")));
  EXPECT_TRUE(UsageError(absl::OkStatus()).ok());
}

TEST(StatusTest, ErrnoBecomesACode) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(EACCES, "x").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EEXIST, "x").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrnoStatus(EIO, "read x").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Message(ErrnoStatus(EIO, "read x")), "read x: Input/output error");
}

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  return Half(half);
}

absl::Status Check(int value) {
  RETURN_IF_ERROR(Half(value).status());
  return absl::OkStatus();
}

TEST(StatusTest, MacrosPassErrorsOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Message(Quarter(3).status()), "odd");
  EXPECT_EQ(Message(Quarter(6).status()), "odd");
  EXPECT_TRUE(Check(2).ok());
  EXPECT_FALSE(Check(1).ok());
}

}  // namespace
}  // namespace lighter
