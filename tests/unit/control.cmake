set(control daemon/control.c daemon/control_conn.c daemon/control_socket.c
    daemon/control_request.c daemon/control_history.c daemon/control_methods.c daemon/control_events.c
    daemon/control_export.c
    daemon/control_service.c daemon/control_json.c daemon/hub.c daemon/loop.c daemon/clock.c
    lib/telling/report.c lib/telling/report_target.c lib/telling/report_incident.c
    lib/telling/report_explain.c lib/telling/report_trace.c lib/telling/incident_json.c
    lib/telling/event_json.c lib/telling/metrics.c lib/core/counts.c
    lib/telling/export.c lib/telling/learned_json.c lib/telling/record_json.c
    lib/telling/json_obj.c lib/base/text.c lib/base/utf8.c lib/base/nearest.c lib/base/addr.c lib/base/err.c
    lib/base/time.c lib/base/vocab.c
    tests/unit/control_fake.c tests/unit/control_fake_core.c
    tests/unit/control_fake_history.c tests/unit/control_fake_incident.c
    tests/unit/control_fake_records.c tests/unit/control_json.c)

set(KP_UNIT_LIBS PkgConfig::JANSSON PkgConfig::EVENT)
foreach(test test_control test_control_methods test_control_subscribe test_control_history)
  kp_unit(${test} ${control})
  add_dependencies(${test} kpd_idl)
endforeach()
kp_unit(test_control_nomem ${control} lib/telling/render.c)
add_dependencies(test_control_nomem kpd_idl)
foreach(f malloc calloc realloc reallocarray strdup)
  target_link_options(test_control_nomem PRIVATE -Wl,--wrap=${f})
endforeach()
set(KP_UNIT_LIBS)
