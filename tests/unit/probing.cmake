kp_unit(test_wheel lib/probing/wheel.c lib/base/prng.c lib/base/siphash.c)
kp_unit(test_bucket lib/probing/bucket.c)
kp_unit(test_guard lib/probing/guard.c lib/base/addr.c)
kp_unit(test_inflight lib/probing/inflight.c lib/probing/wheel.c lib/base/siphash.c lib/base/addr.c
        lib/base/prng.c)
kp_unit(test_trace lib/probing/trace.c lib/base/addr.c)
