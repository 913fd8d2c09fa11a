/*
 * QuickJS-ng as native code: `quickjs FILE` evaluates a script, calls its `run` and prints what that
 * returns. The peer of js.wasm for work that needs nothing but the processor (scripts/bench-peers.sh).
 */
#include <stdio.h>
#include <stdlib.h>

#include "quickjs.h"

#define MOST (1 << 20)

static int fail(JSContext *ctx)
{
    const char *text = JS_ToCString(ctx, JS_GetException(ctx));
    fprintf(stderr, "%s\n", text != NULL ? text : "an error that cannot be described");
    return 1;
}

int main(int argc, char **argv)
{
    static char source[MOST];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: quickjs FILE\n");
        return 2;
    }
    size_t len = fread(source, 1, MOST - 1, file);
    fclose(file);
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *ctx = runtime != NULL ? JS_NewContext(runtime) : NULL;
    if (ctx == NULL)
        return 1;
    if (JS_IsException(JS_Eval(ctx, source, len, argv[1], JS_EVAL_TYPE_GLOBAL)))
        return fail(ctx);
    static const char call[] = "run()";
    JSValue result = JS_Eval(ctx, call, sizeof call - 1, "call", JS_EVAL_TYPE_GLOBAL);
    const char *text = JS_IsException(result) ? NULL : JS_ToCString(ctx, result);
    if (text == NULL)
        return fail(ctx);
    puts(text);
    return 0;
}
