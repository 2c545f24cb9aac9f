/*
 * A forger who sees none of our packets but has read the source, the configuration and
 * the manual: sends, from anywhere, what might be taken for answers of a dead host.
 * For the lab's namespaces only (tests/lab/forge); IPv4.
 *
 * Says at its end, and at SIGTERM: "sent PACKETS in SECONDS".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 1500, VICTIMS = 16, REPLAYS = 4096, NS_PER_S = 1000000000 };

struct packet {
    uint8_t bytes[ROOM];
    size_t len;
};

static struct {
    uint32_t to;            /* whom to fool; network order, as all addresses here */
    uint32_t from[VICTIMS]; /* whom it waits for */
    unsigned from_count;
    uint64_t rate, count, seed;
    unsigned port_min, port_max; /* where SYNs leave from */
    long id, word;               /* of echo probes, where given away; -1: guess */
    const char *kinds;           /* letters of the makers below, as often as wanted */
    const char *replay;          /* old packets: 2 bytes of length, and the packet */
} cfg = {.rate = 100000,
         .count = UINT64_MAX,
         .seed = 1,
         .port_min = 61440,
         .port_max = 65535,
         .id = -1,
         .word = -1,
         .kinds = "eeeesatducx"};

static struct packet batch[BATCH];
static struct packet *old;
static unsigned old_count;
static volatile sig_atomic_t ended;

static void on_end(int signal)
{
    (void)signal;
    ended = 1;
}

/* xorshift64* (Vigna, 2016) */
static uint64_t roll(void)
{
    cfg.seed ^= cfg.seed >> 12;
    cfg.seed ^= cfg.seed << 25;
    cfg.seed ^= cfg.seed >> 27;
    return cfg.seed * 2685821657736338717ULL;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)((roll() >> 32) * n >> 32);
}

/* ---- writing ---- */

static void put(struct packet *p, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        p->bytes[p->len++] = (uint8_t)(value >> 8 * bytes);
}

static uint32_t sum(const uint8_t *bytes, size_t len, uint32_t so_far)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        so_far += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    return len & 1 ? so_far + (uint32_t)(bytes[len - 1] << 8) : so_far;
}

static void set_sum(uint8_t *at, uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    at[0] = (uint8_t)(~total >> 8);
    at[1] = (uint8_t)~total;
}

static uint32_t victim(void)
{
    return cfg.from[below(cfg.from_count)];
}

/* One in eight comes from somewhere else. */
static uint32_t source(void)
{
    return below(8) ? victim() : htonl(0xc6120000U | below(1U << 17)); /* 198.18.0.0/15 */
}

static void ip_header(struct packet *p, uint8_t protocol, uint32_t src, uint32_t dst)
{
    put(p, 0x4500, 2);
    put(p, 0, 2); /* length, at the end */
    put(p, roll() & 0xffff, 2);
    put(p, 0x4000, 2);
    put(p, 40 + below(24), 1);
    put(p, protocol, 1);
    put(p, 0, 2);
    put(p, ntohl(src), 4);
    put(p, ntohl(dst), 4);
}

static void ip_close(uint8_t *header, size_t len)
{
    header[2] = (uint8_t)(len >> 8);
    header[3] = (uint8_t)len;
    set_sum(header + 10, sum(header, 20, 0));
}

/* ---- guesses ---- */

static uint16_t guess_id(void)
{
    return (uint16_t)(cfg.id >= 0 && below(2) ? (uint64_t)cfg.id : roll());
}

/* Many tools count up from 0 or 1: small numbers are likelier. */
static uint16_t guess_sequence(void)
{
    return (uint16_t)((roll() & 0xffff) >> below(15));
}

static uint32_t guess_word(void)
{
    return (uint32_t)(cfg.word >= 0 && below(4) ? (uint64_t)cfg.word : roll());
}

static uint16_t guess_port(void)
{
    return (uint16_t)(cfg.port_min + below(cfg.port_max - cfg.port_min + 1));
}

static const uint16_t services[] = {80, 443, 53};

/* ---- what it makes ---- */

static void echo_body(struct packet *p, uint8_t type)
{
    size_t start = p->len;
    put(p, (uint64_t)type << 8, 2);
    put(p, 0, 2);
    put(p, guess_id(), 2);
    put(p, guess_sequence(), 2);
    put(p, guess_word(), 4);
    for (int i = 0; i < 6; i++)
        put(p, roll(), 8);
    put(p, 0, 4);
    set_sum(p->bytes + start + 2, sum(p->bytes + start, p->len - start, 0));
}

static void make_echo(struct packet *p)
{
    ip_header(p, IPPROTO_ICMP, source(), cfg.to);
    echo_body(p, 0);
}

static void tcp_body(struct packet *p, uint16_t sport, uint16_t dport, uint8_t flags)
{
    put(p, sport, 2);
    put(p, dport, 2);
    put(p, roll(), 4);
    put(p, roll(), 4);
    put(p, 0x50, 1);
    put(p, flags, 1);
    put(p, 64240, 2);
    put(p, 0, 4);
    const uint8_t *ip = p->bytes + p->len - 40;
    set_sum(p->bytes + p->len - 4, sum(ip + 12, 8, IPPROTO_TCP + 20) + sum(ip + 20, 20, 0));
}

static void make_syn_ack(struct packet *p)
{
    ip_header(p, IPPROTO_TCP, source(), cfg.to);
    tcp_body(p, services[below(3)], guess_port(), 0x12);
}

static void make_reset(struct packet *p)
{
    ip_header(p, IPPROTO_TCP, source(), cfg.to);
    tcp_body(p, services[below(3)], guess_port(), 0x14);
}

/* "kp. SOA", in a case of its own; the answer has no record: NOERROR or REFUSED do. */
static void query_body(struct packet *p, uint16_t sport, uint16_t dport, uint16_t flags)
{
    put(p, sport, 2);
    put(p, dport, 2);
    put(p, 8 + 12 + 8, 2);
    put(p, 0, 2); /* no checksum */
    put(p, roll() & 0xffff, 2);
    put(p, flags, 2);
    put(p, 1ULL << 48, 8);
    put(p, 2, 1);
    put(p, 'k' - 32 * below(2), 1);
    put(p, 'p' - 32 * below(2), 1);
    put(p, 0x00000600 | 0x01, 5);
}

static void make_dns(struct packet *p)
{
    ip_header(p, IPPROTO_UDP, source(), cfg.to);
    query_body(p, 53, (uint16_t)(32768 + below(65536 - 32768)), below(2) ? 0x8400 : 0x8005);
}

/* An ICMP error that quotes one of our probes, as far as it can be guessed. */
static void error_about(struct packet *p, uint8_t protocol)
{
    static const uint8_t kinds[][2] = {{3, 0},  {3, 1},  {3, 3}, {3, 13},
                                       {11, 0}, {12, 0}, {3, 4}};
    const uint8_t *kind = kinds[below(sizeof kinds / sizeof *kinds)];
    ip_header(p, IPPROTO_ICMP, source(), cfg.to);
    size_t start = p->len;
    put(p, (uint64_t)kind[0] << 8 | kind[1], 2);
    put(p, 0, 6);
    size_t quote = p->len;
    ip_header(p, protocol, cfg.to, victim());
    if (protocol == IPPROTO_ICMP)
        echo_body(p, 8);
    else if (protocol == IPPROTO_TCP)
        tcp_body(p, guess_port(), services[below(3)], 0x02);
    else
        query_body(p, (uint16_t)(32768 + below(65536 - 32768)), 53, 0);
    ip_close(p->bytes + quote, p->len - quote);
    if (below(2))
        p->len = quote + 28; /* as little as RFC 792 asks for */
    set_sum(p->bytes + start + 2, sum(p->bytes + start, p->len - start, 0));
}

static void make_error_echo(struct packet *p)
{
    error_about(p, IPPROTO_ICMP);
}

static void make_error_syn(struct packet *p)
{
    error_about(p, IPPROTO_TCP);
}

static void make_error_query(struct packet *p)
{
    error_about(p, IPPROTO_UDP);
}

static void make_old(struct packet *p)
{
    if (old_count > 0)
        *p = old[below(old_count)];
    else
        make_echo(p);
}

static const struct {
    char letter;
    void (*make)(struct packet *p);
} makers[] = {{'e', make_echo},        {'s', make_syn_ack},    {'a', make_reset},
              {'d', make_dns},         {'c', make_error_echo}, {'t', make_error_syn},
              {'u', make_error_query}, {'x', make_old}};

static void make(struct packet *p)
{
    char letter = cfg.kinds[below((uint32_t)strlen(cfg.kinds))];
    p->len = 0;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (makers[i].letter == letter)
            makers[i].make(p);
    ip_close(p->bytes, p->len);
}

/* ---- sending ---- */

static int64_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

static void sleep_until(int64_t at)
{
    struct timespec ts = {at / NS_PER_S, at % NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static unsigned send_batch(int fd, unsigned count)
{
    static struct mmsghdr msgs[BATCH];
    static struct iovec iov[BATCH];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = cfg.to};
    for (unsigned i = 0; i < count; i++) {
        make(&batch[i]);
        iov[i] = (struct iovec){batch[i].bytes, batch[i].len};
        msgs[i].msg_hdr = (struct msghdr){
            .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    int n = sendmmsg(fd, msgs, count, 0);
    if (n < 0 && errno != ENOBUFS && errno != EINTR) {
        perror("forger: sendmmsg");
        exit(1);
    }
    return n > 0 ? (unsigned)n : 0;
}

static void run(int fd)
{
    int64_t began = now();
    uint64_t sent = 0;
    while (!ended && sent < cfg.count) {
        uint64_t left = cfg.count - sent;
        sent += send_batch(fd, left < BATCH ? (unsigned)left : BATCH);
        sleep_until(began + (int64_t)((double)sent / (double)cfg.rate * NS_PER_S));
    }
    printf("sent %llu in %.1f\n", (unsigned long long)sent, (double)(now() - began) / NS_PER_S);
}

/* ---- starting ---- */

static void fail(const char *what)
{
    fprintf(stderr, "forger: %s\n", what);
    exit(2);
}

static void load(const char *name)
{
    FILE *file = fopen(name, "re");
    old = calloc(REPLAYS, sizeof *old);
    if (!file || !old)
        fail("cannot read the old packets");
    for (int high; old_count < REPLAYS && (high = fgetc(file)) != EOF; old_count++) {
        struct packet *p = &old[old_count];
        p->len = (size_t)high << 8 | (size_t)fgetc(file);
        if (p->len < 20 || p->len > ROOM || fread(p->bytes, 1, p->len, file) != p->len)
            fail("no list of packets");
    }
    fclose(file);
}

static uint32_t address(const char *text)
{
    struct in_addr a;
    if (inet_pton(AF_INET, text, &a) != 1 || (ntohl(a.s_addr) & 0xfffe0000U) != 0xc6120000U)
        fail("only addresses in 198.18.0.0/15 are forged");
    return a.s_addr;
}

static void take(int option)
{
    switch (option) {
    case 't':
        cfg.to = address(optarg);
        break;
    case 'f':
        if (cfg.from_count == VICTIMS)
            fail("too many --from");
        cfg.from[cfg.from_count++] = address(optarg);
        break;
    case 'r':
        cfg.rate = strtoull(optarg, NULL, 10);
        break;
    case 'n':
        cfg.count = strtoull(optarg, NULL, 10);
        break;
    case 's':
        cfg.seed = strtoull(optarg, NULL, 10) | 1;
        break;
    case 'i':
        cfg.id = strtol(optarg, NULL, 10);
        break;
    case 'w':
        cfg.word = strtol(optarg, NULL, 10);
        break;
    case 'k':
        cfg.kinds = optarg;
        break;
    case 'x':
        cfg.replay = optarg;
        break;
    case 'p':
        if (sscanf(optarg, "%u-%u", &cfg.port_min, &cfg.port_max) != 2)
            fail("--ports LOW-HIGH");
        break;
    default:
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"to", 1, 0, 't'},   {"from", 1, 0, 'f'},  {"rate", 1, 0, 'r'}, {"count", 1, 0, 'n'},
        {"seed", 1, 0, 's'}, {"id", 1, 0, 'i'},    {"word", 1, 0, 'w'}, {"kinds", 1, 0, 'k'},
        {"old", 1, 0, 'x'},  {"ports", 1, 0, 'p'}, {0, 0, 0, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        take(option);
    if (cfg.to == 0 || cfg.from_count == 0 || cfg.rate == 0 || cfg.kinds[0] == '\0')
        fail("--to ADDRESS --from ADDRESS... [--rate N] [--count N] [--seed N] [--ports "
             "LOW-HIGH]\n"
             "  [--id N --word N] [--kinds esadctux] [--old FILE]");
    if (cfg.replay)
        load(cfg.replay);
    struct sigaction action = {.sa_handler = on_end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (fd < 0)
        fail(strerror(errno));
    run(fd);
    return 0;
}
