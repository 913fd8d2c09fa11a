/* What the module asks of its host: all of it, in ABI.md. */
#ifndef SEALWORK_HOST_H
#define SEALWORK_HOST_H

#include <stdint.h>

#define HOST(name) __attribute__((import_module("sealwork"), import_name(#name)))

HOST(now_ms) int64_t host_now_ms(void);
HOST(random) void host_random(void *to, uint32_t len);
HOST(log) void host_log(const void *from, uint32_t len);
HOST(input_len) uint32_t host_input_len(void);
HOST(input_read) uint32_t host_input_read(uint32_t offset, void *to, uint32_t len);
HOST(output) void host_output(const void *from, uint32_t len);
HOST(call) int32_t host_call(const void *from, uint32_t len);
HOST(wait) int32_t host_wait(uint32_t patience_ms);
HOST(answer_len) uint32_t host_answer_len(void);
HOST(answer_read) uint32_t host_answer_read(uint32_t offset, void *to, uint32_t len);

/* Set while the module is initialised ahead of time, when there is no host. */
extern int is_initialising;

#endif
