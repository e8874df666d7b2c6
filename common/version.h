#pragma once

namespace lighter {

// The version of both programs; the same number as in CMakeLists.txt and the chart.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace lighter
