kp_unit(test_detect lib/judging/detect.c lib/base/prng.c lib/base/siphash.c)
kp_unit(test_group lib/judging/group.c lib/judging/detect.c)
kp_unit(test_baseline lib/judging/baseline.c)
kp_unit(test_window lib/judging/window.c)
