/* The schema.  Times are microseconds since 1970; quarters of an hour and days are
 * counted since 1970 in UTC.  A change is a new step, never an edit of an old one. */
#include "daemon/sinks/history_db.h"

const struct kpd_db_step kpd_db_steps[] = {
    {/* one row for each start of the daemon; alive: when it last wrote */
     "CREATE TABLE runs (id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE,"
     " machine TEXT NOT NULL, version TEXT NOT NULL, began INTEGER NOT NULL,"
     " alive INTEGER NOT NULL) STRICT;"
     /* what happened, for ever; an event has one number within its run */
     "CREATE TABLE events (run INTEGER NOT NULL REFERENCES runs, seq INTEGER NOT NULL,"
     " at INTEGER NOT NULL, action TEXT NOT NULL, target TEXT, path TEXT, state_from TEXT,"
     " state_to TEXT, incident TEXT, envelope TEXT NOT NULL, UNIQUE (run, seq)) STRICT;"
     "CREATE INDEX events_at ON events (at);"
     "CREATE INDEX events_incident ON events (incident, at) WHERE incident IS NOT NULL;"
     /* each incident as it was last told; object: as in `incidents --json` */
     "CREATE TABLE incidents (uuid TEXT PRIMARY KEY, id INTEGER NOT NULL,"
     " class TEXT NOT NULL, phase TEXT NOT NULL, place TEXT NOT NULL, began INTEGER,"
     " ended INTEGER, object TEXT NOT NULL) STRICT;"
     "CREATE INDEX incidents_began ON incidents (began);"
     "CREATE INDEX incidents_open ON incidents (began) WHERE ended IS NULL;"
     "CREATE INDEX incidents_id ON incidents (id);"
     /* when we ourselves could not watch */
     "CREATE TABLE gaps (began INTEGER NOT NULL, ended INTEGER NOT NULL,"
     " reason TEXT NOT NULL) STRICT;"
     "CREATE INDEX gaps_ended ON gaps (ended);"
     /* roll-ups: cells as history_cell.h writes them; six hours of quarters to a row */
     "CREATE TABLE subjects (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
     " name TEXT NOT NULL, UNIQUE (kind, name)) STRICT;"
     "CREATE TABLE quarters (block INTEGER NOT NULL, subject INTEGER NOT NULL"
     " REFERENCES subjects, cells BLOB NOT NULL, PRIMARY KEY (block, subject))"
     " STRICT, WITHOUT ROWID;"
     "CREATE TABLE days (subject INTEGER NOT NULL REFERENCES subjects, day INTEGER NOT NULL,"
     " cell BLOB NOT NULL, PRIMARY KEY (subject, day)) STRICT, WITHOUT ROWID;"
     /* evidence: lines of records; kept: around a change, else a ring of the latest */
     "CREATE TABLE records (id INTEGER PRIMARY KEY, began INTEGER NOT NULL,"
     " ended INTEGER NOT NULL, kept INTEGER NOT NULL, bytes INTEGER NOT NULL,"
     " lines TEXT NOT NULL) STRICT;"
     "CREATE INDEX records_ring ON records (ended, bytes) WHERE kept = 0;"
     "CREATE INDEX records_kept ON records (began, ended, bytes) WHERE kept = 1;"
     /* what was learned up to last_record, and the configuration: the header of an
        export */
     "CREATE TABLE learned (at INTEGER PRIMARY KEY, last_record INTEGER NOT NULL,"
     " kept INTEGER NOT NULL, bytes INTEGER NOT NULL, state TEXT NOT NULL) STRICT;"
     "CREATE INDEX learned_kept ON learned (at, bytes) WHERE kept = 1;"},
};
const int kpd_db_step_count = sizeof kpd_db_steps / sizeof kpd_db_steps[0];
