set(telling_base lib/base/addr.c lib/base/err.c lib/base/time.c lib/base/vocab.c)

set(KP_UNIT_LIBS PkgConfig::JANSSON)
kp_unit(test_render lib/telling/render.c lib/base/text.c lib/base/utf8.c lib/base/nearest.c)
kp_unit(test_event_json lib/telling/event_json.c lib/telling/json_obj.c lib/base/text.c lib/base/utf8.c
        ${telling_base})
kp_unit(test_report lib/telling/report.c lib/telling/report_target.c lib/telling/json_obj.c
        lib/base/text.c lib/base/utf8.c lib/base/nearest.c ${telling_base} tests/unit/control_fake_core.c
        tests/unit/control_json.c)
set(KP_UNIT_LIBS)
