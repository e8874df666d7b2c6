// SIGINT, SIGTERM and SIGHUP as something that waiting code can ask about, instead of sudden death.
#pragma once

namespace lighter {

// Installs handlers for the three. From then on they are counted, not fatal; the third one ends the
// process at once. Call once, early in main.
void InstallStopSignals();

// How many stop signals have arrived.
int StopSignalCount();
// The first stop signal's number ; 0 when there was none.
int FirstStopSignal();
inline bool StopRequested() { return StopSignalCount() > 0; }

}  // namespace lighter
