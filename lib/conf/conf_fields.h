/* The configuration language as tables: every key once, with its kind, place,
 * bounds, default and one line of documentation.  The reader, the printer, the
 * checks, the schema test and the manual all go by them. */
#ifndef KP_CONF_CONF_FIELDS_H
#define KP_CONF_CONF_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/* X(ENUM, "kind in words; of a list, that of one entry") */
#define KP_FIELD_KINDS(X)                                                                      \
    X(KP_F_VERSION, "number 1")                                                                \
    X(KP_F_INCLUDE, "list of globs")                                                           \
    X(KP_F_NAME, "name")                                                                       \
    X(KP_F_TEXT, "text")                                                                       \
    X(KP_F_ASCII, "plain text")                                                                \
    X(KP_F_FILE, "file name")                                                                  \
    X(KP_F_COUNTRY, "country code")                                                            \
    X(KP_F_DEVICE, "device name")                                                              \
    X(KP_F_DOMAIN, "domain name")                                                              \
    X(KP_F_NUMBER, "number")                                                                   \
    X(KP_F_BOOL, "true or false")                                                              \
    X(KP_F_SWITCH, "on, off or auto")                                                          \
    X(KP_F_LEVEL, "log level")                                                                 \
    X(KP_F_DURATION, "duration")                                                               \
    X(KP_F_SHARE, "share")                                                                     \
    X(KP_F_RATE, "rate")                                                                       \
    X(KP_F_PER, "count in a time")                                                             \
    X(KP_F_PROBE_TYPE, "probe type")                                                           \
    X(KP_F_TRACE_PROBE, "tcp-syn or icmp")                                                     \
    X(KP_F_QTYPE, "DNS type")                                                                  \
    X(KP_F_TRANSPORT, "udp or tcp")                                                            \
    X(KP_F_LISTEN, "ADDRESS:PORT")                                                             \
    X(KP_F_ADDRESS, "address")                                                                 \
    X(KP_F_ADDRESSES, "address")                                                               \
    X(KP_F_PREFIXES, "prefix")                                                                 \
    X(KP_F_NUMBERS, "number")                                                                  \
    X(KP_F_PROBE_REFS, "probe name")                                                           \
    X(KP_F_PATH_REFS, "path name")                                                             \
    X(KP_F_MAP, "mapping")                                                                     \
    X(KP_F_NAMED, "mapping by name")                                                           \
    X(KP_F_ITEMS, "list of mappings")

#define KP_FIELD_ENUM(id, words) id,
enum kp_field_kind { KP_FIELD_KINDS(KP_FIELD_ENUM) KP_FIELD_KIND_COUNT };

struct kp_table;

struct kp_field {
    const char *key;
    enum kp_field_kind kind;
    bool required;
    size_t at;                  /* offset in the object the table describes; of a KP_F_MAP: */
                                /* added to the offsets inside */
    size_t count_at;            /* lists: offset of the count */
    size_t size;                /* bytes of the value; lists: of one element */
    double min;                 /* bounds, where max > 0: seconds of durations, shares of 1, */
    double max;                 /* per second, bytes of texts, values of numbers */
    const char *preset;         /* the default as it would be written, or NULL */
    const struct kp_table *sub; /* mappings inside */
    unsigned types;             /* bit set of the probe types that have it; 0: all */
    unsigned needed;            /* bit set of the probe types that need it */
    const char *doc;
};

struct kp_table {
    const char *name; /* what one such mapping is called in errors */
    size_t size;      /* bytes of the object */
    const struct kp_field *fields;
    size_t count;
};

/* The whole file; everything else hangs below it. */
extern const struct kp_table kp_table_root;
extern const struct kp_table kp_table_probe;
extern const struct kp_table kp_table_path;
extern const struct kp_table kp_table_anchor;
extern const struct kp_table kp_table_target;

/* NULL where the table has no such key. */
const struct kp_field *kp_field_find(const struct kp_table *table, const char *key);

const char *kp_field_kind_name(enum kp_field_kind kind);

/* Whether the value is a list of single values. */
bool kp_field_lists(const struct kp_field *field);

/* Whether values of several files are joined. */
bool kp_field_joins(const struct kp_field *field);

#endif
