#pragma once

namespace lighter {

// The version of both programs; the same number as in CMakeLists.txt and the chart.
inline constexpr char kVersion[] = "0.1.0";

// Of the RPCs between coordinator and agents. An agent of another one is told to be upgraded.
inline constexpr unsigned kProtocolVersion = 3;

}  // namespace lighter
