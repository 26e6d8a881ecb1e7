// What a process that reads a hostile file gives up for good: opening files but for reading the tables that libraries came with (Landlock,
// where the kernel has it), and making processes, sockets, or anything of the kernel beyond memory, time and its own streams (seccomp).
// Both are a second line behind the limits and the other user of extraction_child.cpp: a kernel without them leaves those.
// Thread contract: once, before the first further thread; it holds for all later ones.
#pragma once

namespace repartee::documents {

void enter_sandbox();

}  // namespace repartee::documents
