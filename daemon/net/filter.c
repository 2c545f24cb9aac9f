#include "daemon/net/filter.h"

#include "lib/wire/icmp_error.h"
#include "lib/wire/pkt_ip.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

/* A small assembler, so that the programs below read top to bottom: every test
 * that fails jumps to `reject`, which comes last, and loads beyond the packet's
 * end reject by themselves (they make the kernel return 0). */
enum {
    LD_B = BPF_LD | BPF_B | BPF_ABS,
    LD_H = BPF_LD | BPF_H | BPF_ABS,
    LD_W = BPF_LD | BPF_W | BPF_ABS,
    LDX_B = BPF_LD | BPF_B | BPF_IND, /* relative to X: where the transport header is */
    LDX_H = BPF_LD | BPF_H | BPF_IND,
    LDX_W = BPF_LD | BPF_W | BPF_IND,
    JEQ = BPF_JMP | BPF_JEQ | BPF_K,
    JGE = BPF_JMP | BPF_JGE | BPF_K,
    JGT = BPF_JMP | BPF_JGT | BPF_K,
    JSET = BPF_JMP | BPF_JSET | BPF_K,
    AND = BPF_ALU | BPF_AND | BPF_K,
    LSH = BPF_ALU | BPF_LSH | BPF_K,
    ADD_X = BPF_ALU | BPF_ADD | BPF_X,
    TAX = BPF_MISC | BPF_TAX,
    X_IS_IHL = BPF_LDX | BPF_B | BPF_MSH,
    RET = BPF_RET | BPF_K,
};

#define OP(code, k)                                                                            \
    {                                                                                          \
        (uint16_t)(code), 0, 0, (k)                                                            \
    }
#define IF(code, k, yes, no)                                                                   \
    {                                                                                          \
        (uint16_t)(code), (yes), (no), (k)                                                     \
    }

enum {
    PASS = 0x40000,   /* the whole packet */
    UNREACHABLE4 = 3, /* RFC 792 */
    TIME_EXCEEDED4 = 11,
    PARAMETER4 = 12,
    PARAMETER6 = 4, /* RFC 4443: the last of the errors */
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_ACK = 0x10,
};

static int attach(int fd, struct sock_filter *program, size_t count)
{
    struct sock_fprog filter = {.len = (unsigned short)count, .filter = program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ? errno : 0;
}

#define ATTACH(fd, program) attach(fd, program, sizeof(program) / sizeof *(program))

int kpd_filter_nothing(int fd)
{
    struct sock_filter program[] = {OP(RET, 0)};
    return ATTACH(fd, program);
}

/* IPv4 raw sockets see the IP header.  In an echo reply the word follows the
 * 8-byte ICMP header; in an error the quoted IP header does. */
static int icmp4(int fd, const struct kp_wire *wire)
{
    struct sock_filter program[] = {
        /*  0 */ OP(X_IS_IHL, 0),
        /*  1 */ OP(LDX_B, 0), /* type */
        /*  2 */ IF(JEQ, KP_ICMP4_ECHO_REPLY, 3, 0),
        /*  3 */ IF(JEQ, UNREACHABLE4, 6, 0),
        /*  4 */ IF(JEQ, TIME_EXCEEDED4, 5, 0),
        /*  5 */ IF(JEQ, PARAMETER4, 4, 22),
        /*  6 */ OP(LDX_H, 4), /* echo reply: identifier */
        /*  7 */ IF(JEQ, wire->icmp_id, 0, 20),
        /*  8 */ OP(LDX_W, 8), /* word */
        /*  9 */ IF(JEQ, wire->word, 17, 18),
        /* 10 */ OP(LDX_B, 8 + 9), /* error: quoted protocol, kept while X moves on */
        /* 11 */ OP(BPF_ST, 0),
        /* 12 */ OP(LDX_B, 8), /* X += the quoted header's length */
        /* 13 */ OP(AND, 0x0f),
        /* 14 */ OP(LSH, 2),
        /* 15 */ OP(ADD_X, 0),
        /* 16 */ OP(TAX, 0),
        /* 17 */ OP(BPF_LD | BPF_MEM, 0),
        /* 18 */ IF(JEQ, KP_IP_TCP, 5, 0),
        /* 19 */ IF(JEQ, KP_IP_ICMP4, 0, 8),
        /* 20 */ OP(LDX_B, 8), /* quoted type */
        /* 21 */ IF(JEQ, KP_ICMP4_ECHO, 0, 6),
        /* 22 */ OP(LDX_H, 8 + 4), /* quoted identifier */
        /* 23 */ IF(JEQ, wire->icmp_id, 3, 4),
        /* 24 */ OP(LDX_H, 8), /* quoted source port */
        /* 25 */ IF(JGE, wire->port_min, 0, 2),
        /* 26 */ IF(JGT, wire->port_max, 1, 0),
        /* 27 */ OP(RET, PASS),
        /* 28 */ OP(RET, 0),
    };
    return ATTACH(fd, program);
}

/* IPv6 raw sockets begin at the ICMPv6 header; the quoted header's length is
 * fixed, because we send no extension headers. */
static int icmp6(int fd, const struct kp_wire *wire)
{
    struct sock_filter program[] = {
        /*  0 */ OP(LD_B, 0), /* type */
        /*  1 */ IF(JEQ, KP_ICMP6_ECHO_REPLY, 2, 0),
        /*  2 */ IF(JEQ, 0, 16, 0),
        /*  3 */ IF(JGT, PARAMETER6, 15, 4),
        /*  4 */ OP(LD_H, 4), /* echo reply: identifier */
        /*  5 */ IF(JEQ, wire->icmp_id, 0, 13),
        /*  6 */ OP(LD_W, 8), /* word */
        /*  7 */ IF(JEQ, wire->word, 10, 11),
        /*  8 */ OP(LD_B, 8 + 6), /* error, type 1 to 4: quoted next header */
        /*  9 */ IF(JEQ, KP_IP_TCP, 5, 0),
        /* 10 */ IF(JEQ, KP_IP_ICMP6, 0, 8),
        /* 11 */ OP(LD_B, 8 + 40), /* quoted type */
        /* 12 */ IF(JEQ, KP_ICMP6_ECHO, 0, 6),
        /* 13 */ OP(LD_H, 8 + 40 + 4), /* quoted identifier */
        /* 14 */ IF(JEQ, wire->icmp_id, 3, 4),
        /* 15 */ OP(LD_H, 8 + 40), /* quoted source port */
        /* 16 */ IF(JGE, wire->port_min, 0, 2),
        /* 17 */ IF(JGT, wire->port_max, 1, 0),
        /* 18 */ OP(RET, PASS),
        /* 19 */ OP(RET, 0),
    };
    return ATTACH(fd, program);
}

int kpd_filter_icmp(int fd, enum kp_family family, const struct kp_wire *wire)
{
    return family == KP_IPV4 ? icmp4(fd, wire) : icmp6(fd, wire);
}

int kpd_filter_tcp(int fd, enum kp_family family, const struct kp_wire *wire)
{
    struct sock_filter program[] = {
        /*  0 */ OP(X_IS_IHL, 0),
        /*  1 */ OP(LDX_H, 2), /* destination port */
        /*  2 */ IF(JGE, wire->port_min, 0, 6),
        /*  3 */ IF(JGT, wire->port_max, 5, 0),
        /*  4 */ OP(LDX_B, 13), /* flags */
        /*  5 */ IF(JSET, TCP_RST, 2, 0),
        /*  6 */ OP(AND, TCP_SYN | TCP_ACK),
        /*  7 */ IF(JEQ, TCP_SYN | TCP_ACK, 0, 1),
        /*  8 */ OP(RET, PASS),
        /*  9 */ OP(RET, 0),
    };
    if (family == KP_IPV6) /* begins at the TCP header */
        program[0] = (struct sock_filter)OP(BPF_LDX | BPF_IMM, 0);
    return ATTACH(fd, program);
}
