/* The closed list of errors libkp returns.  Below the boundary errors are
 * returned, never logged; main, control and ctl turn them into words once. */
#ifndef KP_BASE_ERR_H
#define KP_BASE_ERR_H

enum kp_err {
    KP_OK = 0,
    KP_ERR_NOMEM,     /* allocation failed */
    KP_ERR_SHORT,     /* bytes end before the thing does, or room ran out */
    KP_ERR_MALFORMED, /* bytes or text that break their format */
    KP_ERR_RANGE,     /* well formed, outside what is allowed */
    KP_ERR_DENIED,    /* refused by policy (allow list, floors) */
    KP_ERR_NOTFOUND,  /* no such name */
    KP_ERR_BUSY,      /* no free slot or token now; try later */
};

/* The error in lower-case words ("out of memory"); static storage. */
const char *kp_err_name(enum kp_err err);

#endif
