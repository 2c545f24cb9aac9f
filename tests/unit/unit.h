/* What every cmocka test needs, in the order cmocka wants it. */
#ifndef KP_TESTS_UNIT_H
#define KP_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
