"""What happens in each story, and what replay must make of it."""
from records import ANCHORS, EDGE, T0, TARGETS, Story, config

ALL = {}
H = 3600.0
WIDE = ["country-outage", "transit-outage", "path-outage"]


def scenario(make):
    ALL[make.__name__.replace("_", "-")] = make
    return make


def during(t, *spans):
    return any(a <= t < b for a, b in spans)


def story(silent, spans=((H, 2 * H),), **more):
    s = Story(3 * H, **more)
    s.silent = lambda t, name, probe: during(t, *spans) and silent(name, probe)
    return s


def one(cls, where, began=H, ended=2 * H):
    return {"class": cls, "where": where, "began": began, "ended": ended}


@scenario
def healthy():
    return config(), story(lambda n, p: False).lines(), [], WIDE


@scenario
def country_with_edges_answering():
    s = story(lambda n, p: True)
    return config(), s.lines(), [one("country-outage", "all paths")], \
        ["transit-outage", "vantage-fault"]


@scenario
def country_without_edge_records():
    s = story(lambda n, p: True, edges=False)
    return config(), s.lines(), [{**one("country-outage", "all paths"), "confidence": "low"}], \
        ["vantage-fault"]


@scenario
def transit():
    s = story(lambda n, p: True)
    s.edge_silent = lambda t, path: during(t, (H, 2 * H))
    return config(), s.lines(), [one("transit-outage", "before the edges")], ["vantage-fault"]


@scenario
def vantage_anchors_silent():
    s = story(lambda n, p: True)
    s.edge_silent = lambda t, path: during(t, (H, 2 * H))
    s.anchor_silent = lambda t, name: during(t, (H, 2 * H))
    return config(), s.lines(), [one("vantage-fault", "test1")], WIDE


@scenario
def one_filtered_anchor():
    s = story(lambda n, p: False)
    s.anchor_silent = lambda t, name: t > H and name == ANCHORS[0]
    return config(), s.lines(), [], WIDE + ["vantage-fault"]


@scenario
def path_cut():
    s = story(lambda n, p: TARGETS[n][0] == "transtelecom")
    return config(), s.lines(), [one("path-outage", "transtelecom")], \
        ["country-outage", "transit-outage", "vantage-fault"]


@scenario
def big_path_cut():
    s = story(lambda n, p: TARGETS[n][0] == "china-unicom")
    return config(), s.lines(), [one("path-outage", "china-unicom")], \
        ["transit-outage", "vantage-fault"]


@scenario
def dns_only():
    s = story(lambda n, p: p == "soa")
    return config(), s.lines(), [one("dns-outage", "name servers")], WIDE


@scenario
def single_host():
    s = story(lambda n, p: n == "kcna")
    return config(), s.lines(), [one("host-outage", "kcna")], WIDE


@scenario
def single_service():
    s = story(lambda n, p: n == "kcna" and p == "tls")
    return config(), s.lines(), [one("service-outage", "kcna/tls")], WIDE + ["host-outage"]


@scenario
def icmp_filtered():
    s = story(lambda n, p: p == "ping")
    return config(), s.lines(), [], WIDE + ["host-outage", "service-outage"]


def change(t, kind, **keys):
    return t, {"t": T0 + t, "kind": kind, **keys}


@scenario
def ban_after_reload():
    s = story(lambda n, p: n == "mfa")
    s.extra = [change(H - 120, "reload")]
    return config(), s.lines(), [one("possible-ban", "mfa")], WIDE


@scenario
def ban_after_probe_request():
    s = story(lambda n, p: n == "mfa")
    s.extra = [change(H - 120, "probe-request", target="mfa")]
    return config(), s.lines(), [one("possible-ban", "mfa")], WIDE


@scenario
def no_ban_long_after_a_reload():
    s = story(lambda n, p: n == "mfa")
    s.extra = [change(H - 1800, "reload")]
    return config(), s.lines(), [one("host-outage", "mfa")], ["possible-ban"]


@scenario
def no_ban_after_probing_another():
    s = story(lambda n, p: n == "mfa")
    s.extra = [change(H - 120, "probe-request", target="kcna")]
    return config(), s.lines(), [one("host-outage", "mfa")], ["possible-ban"]


@scenario
def gap_is_no_evidence():
    s = story(lambda n, p: True, spans=((H, H + 600),))
    s.anchor_silent = s.edge_silent = lambda t, name: during(t, (H, H + 600))
    s.extra = [change(H + 600, "gap", **{"from": T0 + H - 5, "reason": "stalled"})]
    return config(), s.lines(), [], WIDE + ["vantage-fault"]


@scenario
def flicker_does_not_close():
    s = story(lambda n, p: True, spans=((H, H + 1200), (H + 1320, 2 * H)))
    return config(), s.lines(), [one("country-outage", "all paths")], ["vantage-fault"]


@scenario
def relapse_reopens():
    s = story(lambda n, p: True, spans=((H, H + 1200), (H + 2100, H + 4000)))
    return config(), s.lines(), [one("country-outage", "all paths", ended=H + 4000)], \
        ["vantage-fault"]


@scenario
def later_again_is_another():
    s = Story(5 * H)
    s.silent = lambda t, n, p: during(t, (H, H + 1200), (3 * H, 3 * H + 1200))
    return config(), s.lines(), [one("country-outage", "all paths", H, H + 1200),
                                 one("country-outage", "all paths", 3 * H, 3 * H + 1200)], []


@scenario
def still_open_at_the_end():
    s = story(lambda n, p: TARGETS[n][0] == "transtelecom", spans=((2 * H, 9 * H),))
    return config(), s.lines(), [{**one("path-outage", "transtelecom", 2 * H, None),
                                  "phase": "confirmed"}], ["country-outage"]


@scenario
def path_then_country():
    s = Story(4 * H)
    s.silent = lambda t, n, p: during(t, (H, 3 * H)) and TARGETS[n][0] == "transtelecom" or \
        during(t, (H + 300, 3 * H))
    return config(), s.lines(), [one("country-outage", "all paths", H, 3 * H)], []


@scenario
def late_answers():
    s = story(lambda n, p: False, loss=0.2)
    s.late = True
    return config(), s.lines(), [], WIDE + ["degraded"]


@scenario
def moved_before_the_cut():
    """kcna and rodong go over Russia from half past on, then Russia is cut."""
    s = Story(3 * H)
    on = lambda t, n: "transtelecom" if t >= H / 2 and n in ("kcna", "rodong") else TARGETS[n][0]
    s.path = on
    s.silent = lambda t, n, p: during(t, (H, 2 * H)) and on(t, n) == "transtelecom"
    return config(), s.lines(), [one("path-outage", "transtelecom")], ["country-outage"]


@scenario
def moved_by_trace():
    s = Story(3 * H)
    moved = ("kcna", "rodong")
    s.paths = False
    s.silent = lambda t, n, p: during(t, (H, 2 * H)) and \
        (n in moved or TARGETS[n][0] == "transtelecom")
    for n in moved:
        s.extra.append(change(H / 2, "trace", target=n, reached=True, path="transtelecom",
                              hops=[{"ttl": 9, "address": EDGE["transtelecom"], "rtt": 0.25}]))
    return config(), s.lines(), [one("path-outage", "transtelecom")], ["country-outage"]


@scenario
def only_probe_lines():
    s = story(lambda n, p: TARGETS[n][0] == "transtelecom", edges=False, anchors=False)
    s.paths = s.done = False
    return config(), s.lines(), [one("path-outage", "transtelecom")], ["country-outage"]


@scenario
def names_without_addresses():
    s = story(lambda n, p: TARGETS[n][0] == "transtelecom")
    return config(hosts=TARGETS), s.lines(), [one("path-outage", "transtelecom")], \
        ["country-outage"]


@scenario
def single_path_country():
    targets = {n: v for n, v in TARGETS.items() if v[0] == "china-unicom"}
    s = story(lambda n, p: True, targets=targets)
    return config(targets, paths=["china-unicom"]), s.lines(), \
        [one("country-outage", "all paths")], ["path-outage", "transit-outage"]


@scenario
def denser_than_configured():
    s = Story(H, interval=10)
    s.silent = lambda t, n, p: during(t, (1800, 2700))
    return config(), s.lines(), [one("country-outage", "all paths", 1800, 2700)], []


@scenario
def sparser_than_configured():
    s = Story(24 * H, interval=300, loss=0)
    s.silent = lambda t, n, p: during(t, (12 * H, 16 * H)) and TARGETS[n][0] == "transtelecom"
    return config(), s.lines(), \
        [{**one("path-outage", "transtelecom", 12 * H, 16 * H), "slack": 300}], []


@scenario
def in_disorder():
    """Up to five seconds, as several writers make it."""
    s = story(lambda n, p: n == "kcna")
    lines = s.lines()
    for i in range(0, len(lines) - 1, 2):
        lines[i], lines[i + 1] = lines[i + 1], lines[i]
    return config(), lines, [one("host-outage", "kcna")], WIDE
