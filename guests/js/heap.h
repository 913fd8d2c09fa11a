/* The memory of the JavaScript engine: malloc under a limit that remembers when it was reached. */
#ifndef SEALWORK_HEAP_H
#define SEALWORK_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "quickjs.h"

extern const JSMallocFunctions heap_functions;

/* `limit` in bytes; 0 for none beyond what the host lets the memory grow. */
void heap_set_limit(size_t limit);

/* Whether an allocation was ever refused. */
bool heap_was_exhausted(void);

/* Zeroes memory that goes before the module is written: what is zero takes no place in it. */
void heap_wipe(void *block, size_t size);

/* Lifts the limit by what a report of the failure needs. */
void heap_release_reserve(void);

#endif
