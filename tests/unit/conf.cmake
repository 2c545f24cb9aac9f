set(KP_CONF_SOURCES
  lib/conf/arena.c lib/conf/conf.c lib/conf/conf_check.c lib/conf/conf_fields.c
  lib/conf/conf_load.c lib/conf/conf_merge.c lib/conf/conf_names.c lib/conf/conf_print.c
  lib/conf/conf_read.c lib/conf/conf_scalar.c lib/conf/conf_value.c lib/conf/diag.c
  lib/base/text.c lib/base/utf8.c lib/conf/yaml_tree.c
  lib/base/addr.c lib/base/err.c lib/base/nearest.c lib/base/siphash.c lib/base/time.c lib/base/vocab.c
  tests/unit/conf_help.c)

set(KP_UNIT_LIBS PkgConfig::YAML)
kp_unit(test_yaml_tree lib/conf/yaml_tree.c lib/conf/arena.c lib/conf/diag.c
        lib/base/text.c lib/base/utf8.c)
kp_unit(test_conf ${KP_CONF_SOURCES})
kp_unit(test_conf_print ${KP_CONF_SOURCES} lib/host/conf_files.c)
kp_unit(test_conf_errors ${KP_CONF_SOURCES} lib/host/conf_files.c)
kp_unit(test_conf_files ${KP_CONF_SOURCES} lib/host/conf_files.c)
kp_unit(test_conf_nomem ${KP_CONF_SOURCES})
target_link_options(test_conf_nomem PRIVATE
  LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup)

set(KP_UNIT_LIBS PkgConfig::JANSSON)
kp_unit(test_conf_schema lib/conf/conf_fields.c)
set(KP_UNIT_LIBS)

add_test(NAME unit.conf_schema_examples
         COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/conf/check_schema.py
                 ${CMAKE_SOURCE_DIR})
set_tests_properties(unit.conf_schema_examples PROPERTIES LABELS unit SKIP_RETURN_CODE 77)
