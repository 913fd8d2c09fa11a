#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define RESERVE (512 * 1024)

static size_t limit, used;
static bool exhausted;
static void *reserve;

static void *refuse(void)
{
    exhausted = true;
    return NULL;
}

static bool fits(size_t size) { return limit == 0 || (size <= limit && used <= limit - size); }

static void *heap_malloc(void *opaque, size_t size)
{
    (void)opaque;
    void *block = fits(size) ? malloc(size) : NULL;
    if (block == NULL)
        return refuse();
    used += malloc_usable_size(block);
    return block;
}

static void *heap_calloc(void *opaque, size_t count, size_t size)
{
    (void)opaque;
    if (size != 0 && count > SIZE_MAX / size)
        return refuse();
    void *block = fits(count * size) ? calloc(count, size) : NULL;
    if (block == NULL)
        return refuse();
    used += malloc_usable_size(block);
    return block;
}

void heap_wipe(void *block, size_t size)
{
    memset(block, 0, size);
    /* For the compiler, which sees that nobody reads it again. */
    __asm__ volatile("" : : "r"(block) : "memory");
}

static void heap_free(void *opaque, void *block)
{
    (void)opaque;
    if (block == NULL)
        return;
    size_t size = malloc_usable_size(block);
    used -= size;
    if (is_initialising)
        heap_wipe(block, size);
    free(block);
}

/* As realloc would, but what it leaves behind is zeroed. */
static void *move(void *opaque, void *block, size_t before, size_t size)
{
    void *moved = heap_malloc(opaque, size);
    if (moved != NULL && block != NULL) {
        memcpy(moved, block, size < before ? size : before);
        heap_free(opaque, block);
    }
    return moved;
}

static void *heap_realloc(void *opaque, void *block, size_t size)
{
    size_t before = block != NULL ? malloc_usable_size(block) : 0;
    if (block != NULL && size == 0) {
        heap_free(opaque, block);
        return NULL;
    }
    if (is_initialising)
        return move(opaque, block, before, size);
    bool allowed = size <= before || fits(size - before);
    void *moved = allowed ? realloc(block, size) : NULL;
    if (moved == NULL)
        return refuse();
    used = used - before + malloc_usable_size(moved);
    return moved;
}

static size_t heap_usable_size(const void *block) { return malloc_usable_size((void *)block); }

const JSMallocFunctions heap_functions = {
    heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable_size,
};

void heap_set_limit(size_t new_limit)
{
    limit = new_limit;
    reserve = malloc(RESERVE);
}

bool heap_was_exhausted(void) { return exhausted; }

void heap_release_reserve(void)
{
    free(reserve);
    reserve = NULL;
    if (limit != 0)
        limit += RESERVE;
}
