#pragma once
// Private to this folder: the tables, and the way there from every earlier version.
#include "storage/sqlite.h"

namespace storage {

// Brings the database to the newest version, in one transaction. Fault::Corrupt when it is newer than this program.
// Safe to call from several processes at once.
void migrate(Connection& connection);

}  // namespace storage
