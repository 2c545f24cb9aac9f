set(KP_UNIT_LIBS)
kp_unit(test_history_cell daemon/sinks/history_cell.c lib/base/bytes.c lib/base/text.c lib/base/utf8.c)

set(history daemon/sinks/history_cell.c daemon/sinks/history_roll.c daemon/sinks/history_db.c
    daemon/sinks/history_schema.c daemon/sinks/history_store.c daemon/sinks/history_note.c
    daemon/sinks/history_ask.c daemon/sinks/queue.c daemon/clock.c tests/unit/history_help.c
    lib/telling/incident_json.c lib/telling/json_obj.c lib/base/addr.c lib/base/bytes.c
    lib/base/text.c lib/base/utf8.c lib/base/time.c lib/base/vocab.c lib/base/err.c)
set(KP_UNIT_LIBS PkgConfig::JANSSON PkgConfig::SQLITE Threads::Threads)
kp_unit(test_history_store ${history})
kp_unit(test_history_thread ${history} daemon/sinks/history_thread.c
        daemon/sinks/thread.c)
set(KP_UNIT_LIBS)
