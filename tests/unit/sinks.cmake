kp_unit(test_queue daemon/sinks/queue.c)

set(KP_UNIT_LIBS PkgConfig::JANSSON PkgConfig::EVENT Threads::Threads)
set(sinks_telling lib/telling/event_json.c lib/telling/event_log.c lib/telling/incident_json.c
    lib/telling/json_obj.c lib/base/text.c lib/base/utf8.c lib/base/addr.c lib/base/err.c
    lib/base/time.c lib/base/vocab.c)
kp_unit(test_event_log ${sinks_telling} lib/judging/finding.c)
kp_unit(test_sinks ${sinks_telling} daemon/clock.c daemon/loop.c daemon/hub.c
        daemon/sinks/queue.c daemon/sinks/outlet.c daemon/sinks/dgram.c daemon/sinks/journal.c
        daemon/sinks/syslog.c daemon/sinks/file.c daemon/sinks/file_writer.c
        daemon/sinks/thread.c)
set(KP_UNIT_LIBS)
