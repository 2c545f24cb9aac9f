set(telling_base lib/base/addr.c lib/base/err.c lib/base/time.c lib/base/vocab.c)

set(KP_UNIT_LIBS PkgConfig::JANSSON)
kp_unit(test_render lib/telling/render.c lib/telling/json_obj.c lib/base/text.c lib/base/utf8.c lib/base/nearest.c
        ${telling_base})
kp_unit(test_event_json lib/telling/event_json.c lib/telling/incident_json.c lib/telling/json_obj.c lib/base/text.c lib/base/utf8.c
        ${telling_base})
set(report lib/telling/report.c lib/telling/report_target.c lib/telling/report_incident.c
    lib/telling/report_explain.c lib/telling/report_trace.c lib/telling/incident_json.c
    lib/telling/json_obj.c lib/base/text.c lib/base/utf8.c lib/base/nearest.c ${telling_base}
    lib/core/counts.c tests/unit/control_fake_core.c tests/unit/control_fake_incident.c tests/unit/control_json.c)
kp_unit(test_report ${report})
kp_unit(test_report_incident ${report})
kp_unit(test_metrics lib/telling/metrics.c ${report})
set(KP_UNIT_LIBS)
