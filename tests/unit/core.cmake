file(GLOB core CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
     ${CMAKE_SOURCE_DIR}/lib/core/*.c ${CMAKE_SOURCE_DIR}/lib/probing/*.c
     ${CMAKE_SOURCE_DIR}/lib/judging/*.c ${CMAKE_SOURCE_DIR}/lib/wire/*.c
     ${CMAKE_SOURCE_DIR}/lib/base/*.c)
set(KP_UNIT_LIBS PkgConfig::CARES)
set(core ${core} lib/conf/conf.c lib/conf/arena.c lib/conf/conf_print.c lib/conf/conf_fields.c
    lib/conf/conf_value.c)
kp_unit(test_core ${core})
set(KP_UNIT_LIBS kp)
kp_unit(test_learned)
set(KP_UNIT_LIBS PkgConfig::CARES PkgConfig::JANSSON)
kp_unit(test_record ${core} lib/telling/record_json.c lib/telling/record_read.c
        lib/telling/incident_json.c lib/telling/json_obj.c)
set(KP_UNIT_LIBS)
