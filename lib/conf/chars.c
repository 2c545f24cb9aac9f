#include "lib/conf/chars.h"

struct range {
    uint32_t first;
    uint32_t last;
};

static bool in_ranges(const struct range *list, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= list[i].first && code <= list[i].last)
            return true;
    return false;
}

static bool continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

static size_t expected_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t kp_char_next(const char *p, size_t left, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)p;
    size_t len = expected_length(u[0]);
    *code = KP_CHAR_BAD;
    if (len == 0 || len > left)
        return 1;
    uint32_t value = len == 1 ? u[0] : u[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if (!continuation(u[i]))
            return 1;
        value = value << 6 | (u[i] & 0x3f);
    }
    if (value < smallest[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 1;
    *code = value;
    return len;
}

unsigned kp_char_width(uint32_t code)
{
    static const struct range zero[] = {
        {0x300, 0x36f},   {0x1160, 0x11ff}, {0x200b, 0x200f},
        {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    };
    static const struct range two[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf}, {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60}, {0xffe0, 0xffe6},
        {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
    };
    if (in_ranges(zero, sizeof zero / sizeof zero[0], code))
        return 0;
    return in_ranges(two, sizeof two / sizeof two[0], code) ? 2 : 1;
}

bool kp_char_control(uint32_t code)
{
    static const struct range control[] = {
        {0, 0x1f}, {0x7f, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
    };
    return in_ranges(control, sizeof control / sizeof control[0], code);
}
