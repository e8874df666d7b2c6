#!/usr/bin/env python3
"""Compresses the agent for lighter to carry: compress_agent.py AGENT COMPRESSED HEADER. The same bytes give the same bytes."""

import hashlib
import sys
import zlib
from pathlib import Path

HEADER = """// Written by compress_agent.py.
#pragma once

#include <cstdint>

namespace lighter {{

inline constexpr char kCompressedAgentSha256[] = "{sha256}";
inline constexpr uint64_t kAgentSize = {size};

}}  // namespace lighter
"""

agent, compressed, header = map(Path, sys.argv[1:])
data = agent.read_bytes()
packed = zlib.compress(data, 9)
compressed.write_bytes(packed)
header.write_text(HEADER.format(sha256=hashlib.sha256(packed).hexdigest(), size=len(data)))
