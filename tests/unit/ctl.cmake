set(KP_UNIT_LIBS PkgConfig::JANSSON)
kp_unit(test_ctl_args ctl/args.c ctl/term.c ctl/when.c lib/base/nearest.c lib/base/time.c
        lib/base/vocab.c lib/base/text.c lib/base/utf8.c)
kp_unit(test_ctl_when ctl/when.c lib/base/time.c)
kp_unit(test_ctl_spark ctl/spark.c)
set(KP_UNIT_LIBS)

# The real binary against a daemon that pretends.
add_test(NAME ctl.binary
         COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tests/ctl/test_ctl.py
                 $<TARGET_FILE:kpwatchctl>)
set_tests_properties(ctl.binary PROPERTIES LABELS ctl TIMEOUT 300)
