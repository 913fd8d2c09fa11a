/*
 * One job in one instance: `pre_init` builds the engine and the web globals ahead of time, `run`
 * takes the job from the host, runs it and hands out its outcome. The shapes are in ABI.md.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "host.h"
#include "native.h"
#include "prelude.h"
#include "quickjs.h"
#include "rejections.h"

#define EXPORT(name) __attribute__((export_name(#name)))

/* Of the module's stack of 1 MiB; the rest is for what C does below the last check. The host's own
   stack must be four times as large as the whole (ABI.md). */
#define STACK_FOR_SCRIPTS (640 * 1024)
#define USER_MODULE "main.js"

enum status { ANSWERED = 0, FAILED = 1 };

static JSRuntime *runtime;
static JSContext *ctx;
static bool import_was_refused;

/* What the prelude gives back: its functions for this file. */
static struct {
    JSValue begin, dispatch, fails_with, take, answer, turn, in_background, note, fail;
} prelude;

void __wasm_call_ctors(void);

static JSModuleDef *refuse_import(JSContext *in, const char *name, void *opaque)
{
    (void)opaque;
    import_was_refused = true;
    JS_ThrowTypeError(in, "cannot import '%s': a job is one module, without imports", name);
    return NULL;
}

/* There is no base to resolve against: the name is what was written. */
static char *keep_name(JSContext *in, const char *base, const char *name, void *opaque)
{
    (void)base;
    (void)opaque;
    return js_strdup(in, name);
}

/* A prelude that does not load is an error of the build: it says why, and ends. */
static void give_up(void)
{
    JSValue thrown = JS_GetException(ctx);
    JSValue stack = JS_GetPropertyStr(ctx, thrown, "stack");
    const char *texts[] = {JS_ToCString(ctx, thrown), JS_ToCString(ctx, stack)};
    for (int i = 0; i < 2; i++) {
        if (texts[i] != NULL)
            host_log(texts[i], (uint32_t)strlen(texts[i]));
    }
    __builtin_trap();
}

static void new_engine(void)
{
    runtime = JS_NewRuntime2(&heap_functions, NULL);
    ctx = runtime != NULL ? JS_NewContext(runtime) : NULL;
    if (ctx == NULL)
        __builtin_trap();
}

/* The prelude as bytecode without its source text, made by an engine that is gone afterwards: what
   parsing leaves behind would be between the objects that every job touches. */
static uint8_t *compiled_prelude(size_t *len)
{
    new_engine();
    JSValue function = JS_Eval(ctx, (const char *)prelude_source, prelude_source_len, "sealwork",
                               JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(function))
        give_up();
    uint8_t *bytecode =
        JS_WriteObject(ctx, len, function, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
    uint8_t *kept = bytecode != NULL ? malloc(*len) : NULL;
    if (kept == NULL)
        give_up();
    memcpy(kept, bytecode, *len);
    js_free(ctx, bytecode);
    JS_FreeValue(ctx, function);
    JS_FreeContext(ctx);
    JS_FreeRuntime(runtime);
    return kept;
}

static void load_prelude(const uint8_t *bytecode, size_t len)
{
    JSValue compiled = JS_ReadObject(ctx, bytecode, len, JS_READ_OBJ_BYTECODE);
    if (JS_IsException(compiled))
        give_up();
    JSValue function = JS_EvalFunction(ctx, compiled);
    if (JS_IsException(function))
        give_up();
    JSValue native = native_object(ctx);
    JSValue made = JS_Call(ctx, function, JS_UNDEFINED, 1, (JSValueConst *)&native);
    if (JS_IsException(made))
        give_up();
    prelude.begin = JS_GetPropertyStr(ctx, made, "begin");
    prelude.dispatch = JS_GetPropertyStr(ctx, made, "dispatch");
    prelude.fails_with = JS_GetPropertyStr(ctx, made, "failsWith");
    prelude.take = JS_GetPropertyStr(ctx, made, "take");
    prelude.answer = JS_GetPropertyStr(ctx, made, "answer");
    prelude.turn = JS_GetPropertyStr(ctx, made, "turn");
    prelude.in_background = JS_GetPropertyStr(ctx, made, "inBackground");
    prelude.note = JS_GetPropertyStr(ctx, made, "note");
    prelude.fail = JS_GetPropertyStr(ctx, made, "fail");
    JS_FreeValue(ctx, made);
    JS_FreeValue(ctx, native);
    JS_FreeValue(ctx, function);
}

EXPORT(pre_init) void pre_init(void)
{
    __wasm_call_ctors();
    is_initialising = true;
    size_t len;
    uint8_t *bytecode = compiled_prelude(&len);
    new_engine();
    if (JS_AddIntrinsicBigInt(ctx) || JS_AddIntrinsicDOMException(ctx) ||
        native_define_math_random(ctx))
        __builtin_trap();
    JS_SetMaxStackSize(runtime, STACK_FOR_SCRIPTS);
    JS_SetModuleLoaderFunc(runtime, keep_name, refuse_import, NULL);
    rejections_track(runtime);
    load_prelude(bytecode, len);
    heap_wipe(bytecode, len);
    free(bytecode);
    JS_RunGC(runtime);
    is_initialising = false;
}

/* Without the engine's help, which may be out of memory. */
static enum status fail_bare(void)
{
    static const char exhausted[] =
        "{\"outcome\":\"js_out_of_memory\",\"name\":\"\",\"message\":\"the job used up its memory\","
        "\"stack\":\"\"}";
    static const char unknown[] =
        "{\"outcome\":\"js_uncaught\",\"name\":\"\",\"message\":\"an error that cannot be described\","
        "\"stack\":\"\"}";
    const char *head = heap_was_exhausted() ? exhausted : unknown;
    size_t len = strlen(head);
    uint8_t length[4] = {(uint8_t)len};
    host_output(length, sizeof length);
    host_output(head, (uint32_t)len);
    return FAILED;
}

/* Takes `thrown`. */
static enum status fail_with(const char *code, JSValue thrown)
{
    heap_release_reserve();
    JSValue arguments[2] = {JS_NewString(ctx, code), thrown};
    JSValue told = JS_Call(ctx, prelude.fail, JS_UNDEFINED, 2, (JSValueConst *)arguments);
    return JS_IsException(told) ? fail_bare() : FAILED;
}

static enum status fail_with_exception(const char *code)
{
    return fail_with(code, JS_GetException(ctx));
}

enum settled { FULFILLED, REJECTED, NEVER, THREW };

/* Runs what is ready. False when a callback threw. */
static bool drain_jobs(void)
{
    JSContext *of_job;
    while (JS_IsJobPending(runtime)) {
        if (JS_ExecutePendingJob(runtime, &of_job) < 0)
            return false;
    }
    return true;
}

static enum settled settle(JSValueConst promise)
{
    rejections_forget(ctx, promise);
    JS_PromiseMarkAsHandled(ctx, promise);
    for (;;) {
        if (!drain_jobs())
            return THREW;
        switch (JS_PromiseState(ctx, promise)) {
        case JS_PROMISE_FULFILLED:
            return FULFILLED;
        case JS_PROMISE_REJECTED:
            return REJECTED;
        default:
            break;
        }
        JSValue more = JS_Call(ctx, prelude.turn, JS_UNDEFINED, 0, NULL);
        if (JS_IsException(more))
            return THREW;
        if (!JS_ToBool(ctx, more))
            return NEVER;
    }
}

/* The failure that `promise` came to; `code` says what a rejection of it means. */
static enum status fail_settled(enum settled how, JSValueConst promise, const char *code)
{
    JSValue reason;
    if (how == REJECTED)
        return fail_with(code, JS_PromiseResult(ctx, promise));
    if (how == THREW)
        return fail_with_exception("js_uncaught");
    if (rejections_oldest(ctx, &reason))
        return fail_with("js_unhandled_rejection", reason);
    return fail_with("js_never_settled", JS_UNDEFINED);
}

/* After the answer is out: what ctx.waitUntil was given. Errors are for the log alone. */
static void finish_background(void)
{
    for (;;) {
        JSValue more = drain_jobs() ? JS_Call(ctx, prelude.in_background, JS_UNDEFINED, 0, NULL)
                                    : JS_EXCEPTION;
        if (!JS_IsException(more) && JS_ToBool(ctx, more))
            more = JS_Call(ctx, prelude.turn, JS_UNDEFINED, 0, NULL);
        if (JS_IsException(more)) {
            JSValue thrown = JS_GetException(ctx);
            JSValue noted = JS_Call(ctx, prelude.note, JS_UNDEFINED, 1, (JSValueConst *)&thrown);
            JS_FreeValue(ctx, thrown);
            if (JS_IsException(noted))
                return;
            continue;
        }
        if (!JS_ToBool(ctx, more))
            return;
    }
}

static char *read_input(uint32_t offset, uint32_t len)
{
    char *bytes = js_malloc(ctx, (size_t)len + 1);
    if (bytes == NULL)
        return NULL;
    host_input_read(offset, bytes, len);
    bytes[len] = 0;
    return bytes;
}

/* A length in the job's head; 0 for null. */
static uint32_t length_field(JSValueConst head, const char *name)
{
    uint32_t len = 0;
    JSValue value = JS_GetPropertyStr(ctx, head, name);
    if (!JS_IsNull(value))
        JS_ToUint32(ctx, &len, value);
    JS_FreeValue(ctx, value);
    return len;
}

static JSValue input_buffer(uint32_t offset, uint32_t len)
{
    char *bytes = read_input(offset, len);
    if (bytes == NULL)
        return JS_EXCEPTION;
    JSValue buffer = JS_NewArrayBufferCopy(ctx, (uint8_t *)bytes, len);
    js_free(ctx, bytes);
    return buffer;
}

/* The job as it lies in the input: head, source, secret, body. */
struct job {
    JSValue head;
    uint32_t source_at, source_len, secret_len, body_len;
};

static bool read_head(struct job *job)
{
    uint8_t length[4] = {0};
    uint64_t whole = host_input_len();
    host_input_read(0, length, sizeof length);
    uint32_t head_len = length[0] | (uint32_t)length[1] << 8 | (uint32_t)length[2] << 16 |
                        (uint32_t)length[3] << 24;
    if (whole < 4 || head_len > whole - 4)
        return false;
    char *text = read_input(4, head_len);
    if (text == NULL)
        return false;
    job->head = JS_ParseJSON(ctx, text, head_len, "job");
    js_free(ctx, text);
    if (JS_IsException(job->head))
        return false;
    heap_set_limit(length_field(job->head, "memory_bytes"));
    job->source_at = 4 + head_len;
    job->source_len = length_field(job->head, "source_len");
    job->secret_len = length_field(job->head, "secret_len");
    job->body_len = length_field(job->head, "body_len");
    return (uint64_t)job->source_at + job->source_len + job->secret_len + job->body_len == whole;
}

/* Gives request and environment to the prelude. */
static bool begin(const struct job *job)
{
    uint32_t secret_at = job->source_at + job->source_len;
    JSValue arguments[3] = {
        job->head,
        input_buffer(secret_at, job->secret_len),
        input_buffer(secret_at + job->secret_len, job->body_len),
    };
    if (JS_IsException(arguments[1]) || JS_IsException(arguments[2]))
        return false;
    JSValue begun = JS_Call(ctx, prelude.begin, JS_UNDEFINED, 3, (JSValueConst *)arguments);
    JS_FreeValue(ctx, arguments[1]);
    JS_FreeValue(ctx, arguments[2]);
    return !JS_IsException(begun);
}

static enum status run_job(void)
{
    struct job job;
    if (!read_head(&job) || !begin(&job)) {
        if (heap_was_exhausted())
            return fail_bare();
        __builtin_trap(); /* The host broke the contract of ABI.md. */
    }
    char *source = read_input(job.source_at, job.source_len);
    if (source == NULL)
        return fail_bare();
    JSValue module = JS_Eval(ctx, source, job.source_len, USER_MODULE,
                             JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    js_free(ctx, source);
    if (JS_IsException(module))
        return fail_with_exception(import_was_refused ? "js_import" : "js_syntax");
    JSModuleDef *definition = JS_VALUE_GET_PTR(module);

    JSValue evaluated = JS_EvalFunction(ctx, module);
    if (JS_IsException(evaluated))
        return fail_with_exception("js_uncaught");
    enum settled how = settle(evaluated);
    if (how != FULFILLED)
        return fail_settled(how, evaluated, "js_uncaught");

    JSValue exports = JS_GetModuleNamespace(ctx, definition);
    JSValue answer = JS_Call(ctx, prelude.dispatch, JS_UNDEFINED, 1, (JSValueConst *)&exports);
    if (JS_IsException(answer))
        return fail_with_exception("js_uncaught");
    if (JS_IsNull(answer))
        return fail_with("js_no_fetch_handler", JS_UNDEFINED);
    how = settle(answer);
    if (how != FULFILLED)
        return fail_settled(how, answer, "js_uncaught");

    JSValue response = JS_PromiseResult(ctx, answer);
    JSValue taken = JS_Call(ctx, prelude.take, JS_UNDEFINED, 1, (JSValueConst *)&response);
    if (JS_IsException(taken))
        return fail_with_exception("js_bad_response");
    how = settle(taken);
    if (how != FULFILLED)
        return fail_settled(how, taken, "js_bad_response");
    JSValue reason;
    if (rejections_oldest(ctx, &reason)) {
        JSValue fails = JS_Call(ctx, prelude.fails_with, JS_UNDEFINED, 1, (JSValueConst *)&reason);
        if (JS_IsException(fails) || JS_ToBool(ctx, fails))
            return fail_with("js_unhandled_rejection", reason);
        JS_FreeValue(ctx, reason);
    }

    JSValue body = JS_PromiseResult(ctx, taken);
    JSValue told = JS_Call(ctx, prelude.answer, JS_UNDEFINED, 1, (JSValueConst *)&body);
    if (JS_IsException(told))
        return fail_with_exception("js_bad_response");
    finish_background();
    return ANSWERED;
}

EXPORT(run) int32_t run(void)
{
    native_seed_random();
    JS_UpdateStackTop(runtime);
    return run_job();
}
