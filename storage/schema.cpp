// PRAGMA user_version counts the migrations that were applied. To change the schema append one; never edit one that was
// released.
#include "storage/schema.h"

#include <array>

namespace storage {
namespace {

// Times are milliseconds since 1970 UTC. A CHECK that ties a time to a state is what a reader of these tables may rely
// on.
constexpr const char* kFirst = R"sql(
CREATE TABLE study (
  study_uid       TEXT PRIMARY KEY CHECK (study_uid <> ''),
  last_arrival    INTEGER NOT NULL,              -- grows with every arrival and every mark_for_grouping, by 1 ms at least
  grouped_arrival INTEGER,                       -- the last_arrival that the last grouping saw
  grouped_quiet   INTEGER NOT NULL DEFAULT 0 CHECK (grouped_quiet IN (0, 1)),
  accession       TEXT NOT NULL DEFAULT '',
  report          TEXT,
  CHECK (grouped_arrival <= last_arrival),
  CHECK ((grouped_arrival IS NULL) = (report IS NULL)),
  CHECK (grouped_arrival IS NOT NULL OR grouped_quiet = 0)
) STRICT;
CREATE INDEX study_pending ON study(last_arrival)
  WHERE grouped_arrival IS NULL OR grouped_arrival <> last_arrival OR grouped_quiet = 0;
CREATE INDEX study_accession ON study(accession) WHERE accession <> '';

CREATE TABLE instance (
  sop_instance_uid    TEXT PRIMARY KEY CHECK (sop_instance_uid <> ''),
  sop_class_uid       TEXT NOT NULL,
  study_uid           TEXT NOT NULL REFERENCES study(study_uid),
  series_uid          TEXT NOT NULL,
  transfer_syntax_uid TEXT NOT NULL,
  path                TEXT NOT NULL CHECK (path <> ''),
  payload_digest      TEXT NOT NULL,
  bytes               INTEGER NOT NULL CHECK (bytes >= 0),
  source              TEXT NOT NULL,
  received            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_study ON instance(study_uid);
CREATE INDEX instance_series ON instance(series_uid);

CREATE TABLE incident (
  id               INTEGER PRIMARY KEY,
  study_uid        TEXT NOT NULL,
  sop_instance_uid TEXT NOT NULL,
  kind             TEXT NOT NULL CHECK (kind <> ''),
  reason           TEXT NOT NULL,
  path             TEXT NOT NULL,
  at               INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_study ON incident(study_uid);
CREATE INDEX incident_instance ON incident(sop_instance_uid);

CREATE TABLE job (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- an id in a log means one job for ever
  kind        TEXT NOT NULL CHECK (kind <> ''),
  key         TEXT NOT NULL CHECK (key <> ''),
  study_uid   TEXT NOT NULL,
  payload     TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'refused', 'dead', 'cancelled')),
  attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 3),
  not_before  INTEGER NOT NULL,
  lease_until INTEGER,
  owner       TEXT CHECK (owner <> ''),
  reason      TEXT NOT NULL DEFAULT '',
  marks_study INTEGER NOT NULL DEFAULT 0 CHECK (marks_study IN (0, 1)),
  created     INTEGER NOT NULL,
  finished_at INTEGER,
  UNIQUE (kind, key),
  CHECK ((state = 'running') = (lease_until IS NOT NULL)),
  CHECK ((state = 'running') = (owner IS NOT NULL)),
  CHECK ((state IN ('done', 'refused', 'dead', 'cancelled')) = (finished_at IS NOT NULL)),
  CHECK (state NOT IN ('refused', 'dead') OR reason <> ''),
  CHECK (state NOT IN ('running', 'done', 'refused', 'dead') OR attempts > 0),
  CHECK (state <> 'waiting' OR attempts < 3)
) STRICT;
CREATE INDEX job_waiting ON job(not_before, id) WHERE state = 'waiting';
CREATE INDEX job_running ON job(lease_until) WHERE state = 'running';
CREATE INDEX job_study ON job(study_uid);

CREATE TABLE result (
  sop_instance_uid TEXT PRIMARY KEY CHECK (sop_instance_uid <> ''),
  sop_class_uid    TEXT NOT NULL,
  series_uid       TEXT NOT NULL,
  study_uid        TEXT NOT NULL,
  job_id           INTEGER NOT NULL REFERENCES job(id),
  kind             TEXT NOT NULL CHECK (kind <> ''),
  slot             TEXT NOT NULL,
  position         INTEGER NOT NULL,
  path             TEXT NOT NULL CHECK (path <> ''),
  digest           TEXT NOT NULL,
  bytes            INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX result_study ON result(study_uid);
CREATE INDEX result_series ON result(series_uid);
CREATE INDEX result_job ON result(job_id);

CREATE TABLE outbox (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  destination      TEXT NOT NULL CHECK (destination <> ''),
  sop_instance_uid TEXT NOT NULL REFERENCES result(sop_instance_uid),
  kind_rank        INTEGER NOT NULL CHECK (kind_rank >= 0),  -- position of the result's kind in the delivery
  state            TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead', 'cancelled')),
  attempts         INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  not_before       INTEGER NOT NULL,
  last_status      INTEGER NOT NULL DEFAULT -1 CHECK (last_status BETWEEN -1 AND 65535),
  last_problem     TEXT NOT NULL DEFAULT '',
  created          INTEGER NOT NULL,
  changed          INTEGER NOT NULL,
  UNIQUE (destination, sop_instance_uid),
  CHECK (state <> 'delivered' OR (last_problem = '' AND last_status >= 0 AND attempts > 0)),
  CHECK (state <> 'dead' OR (last_problem <> '' AND attempts > 0))
) STRICT;
CREATE INDEX outbox_waiting ON outbox(destination, id) WHERE state = 'waiting';
CREATE INDEX outbox_object ON outbox(sop_instance_uid);
)sql";

// What another node has of a study, and what was fetched from there.
constexpr const char* kInquiries = R"sql(
CREATE TABLE inquiry (
  study_uid  TEXT PRIMARY KEY REFERENCES study(study_uid),
  instances  INTEGER NOT NULL CHECK (instances >= 0),  -- that were here; with another number it is out of date
  state      TEXT NOT NULL CHECK (state IN ('asking', 'fetching', 'settled')),
  failures   INTEGER NOT NULL CHECK (failures >= 0),
  not_before INTEGER NOT NULL,
  problem    TEXT NOT NULL,
  asked      INTEGER NOT NULL,
  CHECK (state <> 'asking' OR (failures > 0 AND problem <> '')),
  CHECK (state <> 'fetching' OR problem = '')
) STRICT, WITHOUT ROWID;
CREATE INDEX inquiry_fetching ON inquiry(not_before) WHERE state = 'fetching';

CREATE TABLE peer_series (
  study_uid  TEXT NOT NULL REFERENCES inquiry(study_uid),
  series_uid TEXT NOT NULL CHECK (series_uid <> ''),
  number     INTEGER,
  modality   TEXT NOT NULL,
  instances  INTEGER CHECK (instances >= 0),           -- NULL: not counted, or there no more
  fetches    INTEGER NOT NULL DEFAULT 0 CHECK (fetches >= 0),
  fetched    INTEGER NOT NULL DEFAULT 0 CHECK (fetched >= 0),
  problem    TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (study_uid, series_uid),
  CHECK (fetches > 0 OR (fetched = 0 AND problem = ''))
) STRICT, WITHOUT ROWID;
)sql";

// What people and reports said. A row is never changed.
constexpr const char* kFacts = R"sql(
CREATE TABLE fact (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  study_uid TEXT NOT NULL CHECK (study_uid <> ''),
  name      TEXT NOT NULL CHECK (name <> ''),
  answer    TEXT NOT NULL,
  said_by   TEXT NOT NULL,
  how       TEXT NOT NULL CHECK (how <> ''),
  said_at   INTEGER NOT NULL,
  recorded  INTEGER NOT NULL,
  UNIQUE (study_uid, name, answer, said_by, how, said_at)
) STRICT;
)sql";

// A delivery may be replaced by another one. SQLite changes a CHECK by making the table anew.
constexpr const char* kReplacedDeliveries = R"sql(
CREATE TABLE outbox_next (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  destination      TEXT NOT NULL CHECK (destination <> ''),
  sop_instance_uid TEXT NOT NULL REFERENCES result(sop_instance_uid),
  kind_rank        INTEGER NOT NULL CHECK (kind_rank >= 0),  -- position of the result's kind, or of the kind it replaced
  state            TEXT NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'delivered', 'dead', 'cancelled', 'replaced')),
  attempts         INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  not_before       INTEGER NOT NULL,
  last_status      INTEGER NOT NULL DEFAULT -1 CHECK (last_status BETWEEN -1 AND 65535),
  last_problem     TEXT NOT NULL DEFAULT '',
  created          INTEGER NOT NULL,
  changed          INTEGER NOT NULL,
  UNIQUE (destination, sop_instance_uid),
  CHECK (state <> 'delivered' OR (last_problem = '' AND last_status >= 0 AND attempts > 0)),
  CHECK (state NOT IN ('dead', 'replaced') OR (last_problem <> '' AND attempts > 0))
) STRICT;
INSERT INTO outbox_next SELECT * FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_next RENAME TO outbox;
CREATE INDEX outbox_waiting ON outbox(destination, id) WHERE state = 'waiting';
CREATE INDEX outbox_object ON outbox(sop_instance_uid);
)sql";

// What a peer stored is not delivered before it has confirmed that. Who got what when stays written down. Storage
// commitment is asked of others (commitment) and by others (commitment_request).
constexpr const char* kConfirmedDeliveries = R"sql(
CREATE TABLE outbox_next (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  destination      TEXT NOT NULL CHECK (destination <> ''),
  sop_instance_uid TEXT NOT NULL REFERENCES result(sop_instance_uid),
  kind_rank        INTEGER NOT NULL CHECK (kind_rank >= 0),  -- position of the result's kind, or of the kind it replaced
  state            TEXT NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'delivered', 'dead', 'cancelled', 'replaced', 'sent')),
  attempts         INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  not_before       INTEGER NOT NULL,                           -- sent: when its confirmation is asked for
  last_status      INTEGER NOT NULL DEFAULT -1 CHECK (last_status BETWEEN -1 AND 65535),
  last_problem     TEXT NOT NULL DEFAULT '',
  created          INTEGER NOT NULL,
  changed          INTEGER NOT NULL,
  sent             INTEGER,                                    -- when the peer last answered that it stored the object
  asks             INTEGER NOT NULL DEFAULT 0 CHECK (asks >= 0),  -- for confirmation, since then
  proof            TEXT NOT NULL DEFAULT '' CHECK (proof IN ('', 'answer', 'commitment', 'find')),
  UNIQUE (destination, sop_instance_uid),
  CHECK (state <> 'delivered' OR (last_problem = '' AND last_status >= 0 AND attempts > 0)),
  CHECK (state NOT IN ('dead', 'replaced') OR (last_problem <> '' AND attempts > 0)),
  CHECK (state NOT IN ('sent', 'delivered') OR sent IS NOT NULL),
  CHECK ((state = 'delivered') = (proof <> ''))
) STRICT;
INSERT INTO outbox_next
  SELECT id, destination, sop_instance_uid, kind_rank, state, attempts, not_before, last_status, last_problem, created,
         changed, iif(state = 'delivered', changed, NULL), 0, iif(state = 'delivered', 'answer', '') FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_next RENAME TO outbox;
CREATE INDEX outbox_waiting ON outbox(destination, id) WHERE state = 'waiting';
CREATE INDEX outbox_sent ON outbox(destination, not_before) WHERE state = 'sent';
CREATE INDEX outbox_object ON outbox(sop_instance_uid);

CREATE TABLE ledger (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  outbox_id INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  at        INTEGER NOT NULL,
  event     TEXT NOT NULL,
  status    INTEGER NOT NULL,
  words     TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_row ON ledger(outbox_id);
CREATE TRIGGER outbox_ledger AFTER UPDATE OF state, asks ON outbox
  WHEN NEW.state <> OLD.state OR NEW.asks > OLD.asks
BEGIN
  INSERT INTO ledger (outbox_id, at, event, status, words) VALUES (NEW.id, NEW.changed,
    iif(NEW.state = OLD.state, 'asked', NEW.state), NEW.last_status, iif(NEW.proof = '', NEW.last_problem, NEW.proof));
END;

CREATE TABLE commitment (
  transaction_uid TEXT PRIMARY KEY CHECK (transaction_uid <> ''),
  destination     TEXT NOT NULL CHECK (destination <> ''),
  asked           INTEGER NOT NULL,
  answered        INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE commitment_item (
  transaction_uid TEXT NOT NULL REFERENCES commitment(transaction_uid) ON DELETE CASCADE,
  outbox_id       INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
  PRIMARY KEY (transaction_uid, outbox_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX commitment_item_row ON commitment_item(outbox_id);

CREATE TABLE commitment_request (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  calling         TEXT NOT NULL CHECK (calling <> ''),
  transaction_uid TEXT NOT NULL CHECK (transaction_uid <> ''),
  state           TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'reported', 'dead')),
  attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  not_before      INTEGER NOT NULL,
  problem         TEXT NOT NULL DEFAULT '',
  received        INTEGER NOT NULL,
  changed         INTEGER NOT NULL,
  UNIQUE (calling, transaction_uid),
  CHECK (state <> 'dead' OR problem <> ''),
  CHECK (state <> 'reported' OR problem = '')
) STRICT;
CREATE INDEX commitment_request_owed ON commitment_request(not_before) WHERE state = 'owed';
CREATE TABLE commitment_request_item (
  request_id       INTEGER NOT NULL REFERENCES commitment_request(id) ON DELETE CASCADE,
  sop_instance_uid TEXT NOT NULL,
  sop_class_uid    TEXT NOT NULL,
  PRIMARY KEY (request_id, sop_instance_uid)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kMigrations = {kFirst, kInquiries, kFacts, kReplacedDeliveries, kConfirmedDeliveries};

std::int64_t version_of(Connection& connection) {
  Statement row = connection.query("PRAGMA user_version");
  row.step();
  return row.integer();
}

void apply_missing(Connection& connection) {
  Transaction transaction(connection);  // another process may have migrated while we waited for the lock
  for (auto version = static_cast<std::size_t>(version_of(connection)); version < kMigrations.size(); ++version) {
    connection.execute(kMigrations[version]);
  }
  connection.execute(("PRAGMA user_version = " + std::to_string(kMigrations.size())).c_str());
  transaction.commit();
}

}  // namespace

void migrate(Connection& connection) {
  constexpr auto kNewest = static_cast<std::int64_t>(kMigrations.size());
  if (version_of(connection) < kNewest) apply_missing(connection);
  const std::int64_t version = version_of(connection);
  if (version != kNewest) {
    raise(Fault::Corrupt, "the database has version " + std::to_string(version) + ", this program knows up to " +
                              std::to_string(kNewest));
  }
}

}  // namespace storage
