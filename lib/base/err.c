#include "lib/base/err.h"

const char *kp_err_name(enum kp_err err)
{
    switch (err) {
    case KP_OK:
        return "ok";
    case KP_ERR_NOMEM:
        return "out of memory";
    case KP_ERR_SHORT:
        return "too short";
    case KP_ERR_MALFORMED:
        return "malformed";
    case KP_ERR_RANGE:
        return "out of range";
    case KP_ERR_DENIED:
        return "denied";
    case KP_ERR_NOTFOUND:
        return "not found";
    case KP_ERR_BUSY:
        return "busy";
    }
    return "unknown error";
}
