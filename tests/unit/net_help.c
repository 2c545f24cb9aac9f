#include "net_help.h"

#include "lib/wire/cookie.h"
#include "lib/wire/pkt_ip.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    fputs(text, file);
    fclose(file);
}

/* As root a network namespace alone; else with a user namespace around it. */
static bool enter(void)
{
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    char map[32];
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
    return true;
}

void net_run(const char *command)
{
    int rc = system(command);
    if (rc != 0)
        fail_msg("failed: %s", command);
}

bool net_sandbox(void)
{
    if (!enter()) {
        print_message("skipped: no network namespace may be made here\n");
        return false;
    }
    net_run("ip link set lo up");
    net_run("for a in 198.18.0.1/32 198.18.0.2/32 198.18.0.3/32; do "
            "ip addr add $a dev lo || exit 1; done");
    net_run("for a in 2001:2::1/128 2001:2::2/128; do "
            "ip addr add $a dev lo nodad || exit 1; done");
    return true;
}

struct kp_addr net_addr(const char *text)
{
    struct kp_addr addr;
    assert_int_equal(kp_addr_parse(text, &addr), KP_OK);
    return addr;
}

static struct net_slot *slot_of(struct net_record *record, uint32_t slot)
{
    assert_true(slot < NET_RECORDS);
    return &record->slots[slot];
}

static void on_receive(void *ctx, const struct kp_rx *rx)
{
    struct net_record *record = ctx;
    unsigned i = record->received++;
    if (i >= sizeof record->packets / sizeof record->packets[0])
        return;
    struct net_packet *packet = &record->packets[i];
    assert_true(rx->len <= NET_BYTES);
    packet->rx = *rx;
    memcpy(packet->bytes, rx->bytes, rx->len);
    packet->rx.bytes = packet->bytes;
}

static void on_sent(void *ctx, uint32_t slot, uint32_t serial, struct kp_mono at,
                    uint16_t sport)
{
    struct net_slot *s = slot_of(ctx, slot);
    assert_int_equal(serial, slot + 1);
    if (s->sent++ == 0)
        s->first = at;
    s->last = at;
    s->sport = sport;
}

static void on_failed(void *ctx, uint32_t slot, uint32_t serial, int errnum)
{
    struct net_slot *s = slot_of(ctx, slot);
    assert_int_equal(serial, slot + 1);
    s->failed++;
    s->errnum = errnum;
}

static void on_error(void *ctx, uint32_t slot, uint32_t serial, enum kp_cause cause,
                     const struct kp_addr *sender, bool refused)
{
    struct net_slot *s = slot_of(ctx, slot);
    assert_int_equal(serial, slot + 1);
    s->errors++;
    s->cause = cause;
    s->sender = *sender;
    s->refused = refused;
}

static void on_overflow(void *ctx, enum kp_probe_type type, uint32_t count)
{
    (void)type;
    struct net_record *record = ctx;
    record->overflow += count;
}

static void on_settled(void *ctx)
{
    struct net_record *record = ctx;
    record->settled++;
}

static struct kp_wire make_wire(void)
{
    struct kp_wire wire = {.word = 0xdecade05,
                           .icmp_id = 0x4b50,
                           .port_min = 20000,
                           .port_max = 20999,
                           .contact = "kpwatchd test"};
    for (size_t i = 0; i < sizeof wire.key.bytes; i++)
        wire.key.bytes[i] = (uint8_t)(i * 17);
    return wire;
}

int net_setup(void **state)
{
    char why[256] = "";
    struct net_record *record = calloc(1, sizeof *record);
    struct kpd_net_handlers handlers = {record,   on_receive,  on_sent,   on_failed,
                                        on_error, on_overflow, on_settled};
    record->wire = make_wire();
    record->loop = kpd_loop_new();
    if (!kpd_net_open(record->loop, &record->wire, &handlers, &record->net, why))
        fail_msg("%s", why);
    *state = record;
    return 0;
}

int net_teardown(void **state)
{
    struct net_record *record = *state;
    kpd_net_close(record->net);
    kpd_loop_free(record->loop);
    free(record);
    return 0;
}

/* A timer looks every 2 ms; nothing else of the test runs meanwhile. */
struct wait {
    struct net_record *record;
    struct kpd_timer *timer;
    net_done_fn *done;
    struct kp_mono end;
    bool was_done;
};

static void look(void *ctx)
{
    struct wait *wait = ctx;
    wait->was_done = wait->done && wait->done(wait->record);
    if (wait->was_done || kpd_loop_now(wait->record->loop).ns > wait->end.ns)
        kpd_loop_stop(wait->record->loop);
    else
        kpd_timer_set(wait->timer, kp_dur_ms(2));
}

static bool wait_for(struct net_record *record, net_done_fn *done, int ms)
{
    struct wait wait = {.record = record, .done = done};
    wait.end = kp_mono_add(kpd_loop_now(record->loop), kp_dur_ms(ms));
    wait.timer = kpd_timer_new(record->loop, look, &wait);
    kpd_timer_set(wait.timer, kp_dur_ms(2));
    assert_true(kpd_loop_run(record->loop));
    kpd_timer_free(wait.timer);
    return wait.was_done;
}

bool net_until(struct net_record *record, net_done_fn *done)
{
    return wait_for(record, done, 3000);
}

void net_for(struct net_record *record, int ms)
{
    wait_for(record, NULL, ms);
}

struct kp_shot net_probe(struct net_record *record, enum kp_probe_type type, const char *to,
                         uint16_t port, uint32_t slot)
{
    struct kp_send send = {
        .slot = slot, .serial = slot + 1, .type = type, .dst = net_addr(to), .dport = port};
    struct kp_shot shot = {.dst = send.dst, .dport = port, .size = 56};
    kp_cookie_make(&record->wire, type, slot, 0, send.serial, &shot);
    struct kp_addr src = {0};
    kpd_net_source(record->net, &send, &src);
    struct kp_wr out = kpd_net_reserve(record->net, &send);
    size_t room = out.left;
    assert_int_equal(kp_probe_ops(type)->build(&record->wire, &shot, &src, &out), KP_OK);
    kpd_net_commit(record->net, &send, &src, room - out.left);
    return shot;
}

/* On loopback the kernel leaves a TCP checksum to hardware that is not there. */
static void finish_checksum(struct net_packet *packet)
{
    enum { IP_HEADER = 20, CHECKSUM_AT = 16 };
    if (packet->rx.type != KP_PROBE_TCP_SYN || packet->rx.src.family != KP_IPV4)
        return;
    uint8_t *tcp = packet->bytes + IP_HEADER;
    size_t len = packet->rx.len - IP_HEADER;
    struct kp_addr dst = {.family = KP_IPV4};
    memcpy(dst.bytes, packet->bytes + 16, 4);
    uint32_t sum = kp_ip_pseudo_sum(&packet->rx.src, &dst, KP_IP_TCP, len);
    memset(tcp + CHECKSUM_AT, 0, 2);
    struct kp_wr at = kp_wr_init(tcp + CHECKSUM_AT, 2);
    kp_wr_u16(&at, kp_csum_finish(kp_csum_add(sum, tcp, len)));
}

enum kp_discard net_judge(struct net_record *record, unsigned i, const struct kp_shot *shot,
                          struct kp_reply *reply)
{
    finish_checksum(&record->packets[i]);
    const struct kp_rx *rx = &record->packets[i].rx;
    const struct kp_probe_ops *ops = kp_probe_ops(rx->type);
    struct kp_claim claim = {0};
    enum kp_discard why = ops->match(&record->wire, rx, &claim);
    return why != KP_DISCARD_NONE ? why : ops->classify(&record->wire, shot, &claim, reply);
}
