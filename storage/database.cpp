#include "storage/database.h"

#include "storage/schema.h"
#include "storage/sqlite.h"

namespace storage {
namespace {

bool is_wal(Connection& connection, std::string_view pragma) {
  Statement row = connection.query(pragma);
  return row.step() && row.text() == "wal";
}

// Readers must not block writers. The mode stays in the file, so this changes something once in its life.
void use_write_ahead_log(Connection& connection) {
  if (!is_wal(connection, "PRAGMA journal_mode = WAL")) {
    raise(Fault::Io, "database: the file system cannot share memory, which write-ahead logging needs");
  }
}

}  // namespace

Result<Database> Database::open(const std::filesystem::path& file, Commits commits) {
  return guarded([&] {
    auto connection = std::make_unique<Connection>(file, commits == Commits::Synced);
    use_write_ahead_log(*connection);
    migrate(*connection);
    return Database(std::move(connection));
  });
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

}  // namespace storage
