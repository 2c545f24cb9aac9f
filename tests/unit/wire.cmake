set(KP_UNIT_LIBS PkgConfig::CARES)
set(KP_WIRE_ALL tests/unit/wire_help.c lib/wire/cookie.c lib/wire/icmp_error.c lib/wire/pkt_ip.c
    lib/wire/probe.c lib/wire/probe_dns.c lib/wire/probe_icmp.c lib/wire/probe_tcp.c
    lib/base/addr.c lib/base/bytes.c lib/base/siphash.c)
kp_unit(test_cookie lib/wire/cookie.c lib/base/addr.c lib/base/bytes.c lib/base/siphash.c)
kp_unit(test_pkt_ip lib/wire/pkt_ip.c lib/base/addr.c lib/base/bytes.c)
kp_unit(test_probe_icmp ${KP_WIRE_ALL})
kp_unit(test_icmp_error ${KP_WIRE_ALL})
kp_unit(test_probe_tcp ${KP_WIRE_ALL} lib/base/prng.c)
kp_unit(test_probe_dns ${KP_WIRE_ALL})
kp_unit(test_wire_property ${KP_WIRE_ALL} lib/base/prng.c)
kp_unit(test_wire_exhaustive ${KP_WIRE_ALL})
unset(KP_UNIT_LIBS)
