// SIGINT, SIGTERM and SIGHUP as something that waiting code can ask about, instead of sudden death.
#pragma once

namespace lighter {

// Installs handlers for the three. From then on they are counted, not fatal; the third one ends the
// process at once. SIGINT and SIGHUP stay ignored where the parent ignored them, as nohup and a
// shell's background jobs mean it; an ignored SIGCHLD does not: children could not be waited for.
// Call once, early in main.
void InstallStopSignals();

// Whether the signal is ignored now. Async-signal-safe.
bool IsIgnored(int signal_number);

// How many stop signals have arrived.
int StopSignalCount();
// The first stop signal's number ; 0 when there was none.
int FirstStopSignal();
inline bool StopRequested() { return StopSignalCount() > 0; }

// The stops so far have had their effect: they no longer keep programs from being started, so that
// a run that was stopped can find out what state it leaves. StopRequested stays true.
void AcknowledgeStops();
// How many stops are acknowledged.
int AcknowledgedStops();

}  // namespace lighter
