file(GLOB core CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
     ${CMAKE_SOURCE_DIR}/lib/core/*.c ${CMAKE_SOURCE_DIR}/lib/probing/*.c
     ${CMAKE_SOURCE_DIR}/lib/judging/*.c ${CMAKE_SOURCE_DIR}/lib/wire/*.c
     ${CMAKE_SOURCE_DIR}/lib/base/*.c)
set(KP_UNIT_LIBS PkgConfig::CARES)
kp_unit(test_core ${core} lib/conf/conf.c lib/conf/arena.c)
set(KP_UNIT_LIBS)
