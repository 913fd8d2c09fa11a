/*
 * The system calls under wasi-libc, answered inside the module: the C library must not add imports
 * of its own. QuickJS needs a clock; whatever else it links (printf for debugging) gets an error.
 */
#include <stdint.h>

#include "host.h"

#define SUCCESS 0
#define BAD_DESCRIPTOR 8
#define SYSTEM_CALL(name) __imported_wasi_snapshot_preview1_##name

int is_initialising;

int32_t SYSTEM_CALL(clock_time_get)(int32_t clock, int64_t precision, int32_t to)
{
    (void)clock;
    (void)precision;
    int64_t now_ms = is_initialising ? 1 : host_now_ms();
    *(uint64_t *)(uintptr_t)(uint32_t)to = (uint64_t)now_ms * 1000000u;
    return SUCCESS;
}

int32_t SYSTEM_CALL(fd_close)(int32_t fd)
{
    (void)fd;
    return BAD_DESCRIPTOR;
}

int32_t SYSTEM_CALL(fd_fdstat_get)(int32_t fd, int32_t to)
{
    (void)fd;
    (void)to;
    return BAD_DESCRIPTOR;
}

int32_t SYSTEM_CALL(fd_seek)(int32_t fd, int64_t offset, int32_t whence, int32_t to)
{
    (void)fd;
    (void)offset;
    (void)whence;
    (void)to;
    return BAD_DESCRIPTOR;
}

int32_t SYSTEM_CALL(fd_write)(int32_t fd, int32_t vectors, int32_t count, int32_t to)
{
    (void)fd;
    (void)vectors;
    (void)count;
    (void)to;
    return BAD_DESCRIPTOR;
}

void SYSTEM_CALL(proc_exit)(int32_t code)
{
    (void)code;
    __builtin_trap();
}
