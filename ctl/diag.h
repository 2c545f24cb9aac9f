/* Findings about a configuration, shown the way compilers do. */
#ifndef KPC_DIAG_H
#define KPC_DIAG_H

#include <jansson.h>
#include <stdio.h>

/* Prints a list of Diagnostic objects (monitor.varlink). */
void kpc_diag_print(FILE *to, const json_t *list);

#endif
