// What lighter notes on containerd's image records: which names are its own, and whose a pin is.
//
// A pin is the label by which CRI tells the kubelet that its image GC is to pass by a name. A load
// pins what it publishes before any list holds that; from the first list that does, the pin carries
// a mark and follows the list. So a pin is never taken off between a load and its list.
#pragma once

#include <string>

#include "agent/containerd_client.h"

namespace lighter {

// Of a record that lighter makes: what CRI sets on its own records, so that it only refreshes its
// cache when it sees ours; and what tells ours from its own.
Labels CreatedLabels(const std::string& name);

// Of a name that a load publishes: made by lighter, pinned, held by no list yet.
Labels PublishedLabels(const std::string& name);

// The pin of a name that the desired list holds.
Labels ListedPinLabels(const std::string& name);

// No pin and no mark of one.
Labels NoPinLabels();

// Whether lighter made or moved this very record: what `lighter prune` may take away.
bool IsLightersRecord(const ImageRecord& record);

bool IsPinned(const ImageRecord& record);

// Whether this very record has the mark of a pin that follows the list.
bool HasListedMark(const ImageRecord& record);

}  // namespace lighter
