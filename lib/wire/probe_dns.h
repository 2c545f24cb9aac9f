/* The question of a DNS probe, encoded once by c-ares and patched per probe. */
#ifndef KP_WIRE_PROBE_DNS_H
#define KP_WIRE_PROBE_DNS_H

#include "lib/wire/probe.h"

struct kp_dns_query;

/* Encodes a query for qname/qtype, class IN (RFC 1035 section 4.1).  The caller
 * frees it.  KP_ERR_MALFORMED where qname is no domain name. */
enum kp_err kp_dns_query_new(const char *qname, uint16_t qtype, bool recursion,
                             struct kp_dns_query **out);
void kp_dns_query_free(struct kp_dns_query *query);

#endif
