# The packet path needs all of itself; its tests run in a network namespace of
# their own and skip where they may not make one.
set(KP_NET_ALL tests/unit/net_help.c daemon/clock.c daemon/loop.c daemon/net/batch.c
    daemon/net/dns_stream.c daemon/net/engine_dns.c daemon/net/filter.c daemon/net/meta.c
    daemon/net/net.c daemon/net/raw.c daemon/net/resolve.c daemon/net/sock.c daemon/net/sockaddr.c
    daemon/net/source.c daemon/net/stamps.c lib/wire/cookie.c lib/wire/icmp_error.c
    lib/wire/pkt_ip.c lib/wire/probe.c lib/wire/probe_dns.c lib/wire/probe_icmp.c
    lib/wire/probe_tcp.c lib/base/addr.c lib/base/bytes.c lib/base/siphash.c)
set(KP_UNIT_LIBS PkgConfig::EVENT PkgConfig::CARES $<TARGET_NAME_IF_EXISTS:PkgConfig::SYSTEMD>)
kp_unit(test_net_raw ${KP_NET_ALL})
kp_unit(test_net_dns ${KP_NET_ALL})
kp_unit(test_net_source ${KP_NET_ALL})
target_link_options(test_net_source PRIVATE -Wl,--wrap=socket)
kp_unit(test_net_resolve ${KP_NET_ALL})
kp_unit(test_listen daemon/listen.c daemon/net/raw.c)
if(SYSTEMD_FOUND)
  target_compile_definitions(test_listen PRIVATE KP_SYSTEMD)
endif()
unset(KP_UNIT_LIBS)
kp_unit(test_net_stamps daemon/clock.c daemon/net/stamps.c)
set_tests_properties(unit.test_net_raw unit.test_net_dns unit.test_net_source
                     unit.test_net_resolve unit.test_listen PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: no network")
