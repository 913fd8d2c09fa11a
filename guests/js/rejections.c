#include "rejections.h"

/* More than this many at once are not told apart: the oldest are the ones to report. */
#define MOST 256

struct rejection {
    JSValue promise, reason;
};

static struct rejection kept[MOST];
static size_t count;

static bool is_same_object(JSValueConst a, JSValueConst b)
{
    return JS_VALUE_GET_PTR(a) == JS_VALUE_GET_PTR(b);
}

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled,
                         void *opaque)
{
    (void)opaque;
    if (is_handled)
        rejections_forget(ctx, promise);
    else if (count < MOST)
        kept[count++] = (struct rejection){JS_DupValue(ctx, promise), JS_DupValue(ctx, reason)};
}

void rejections_track(JSRuntime *runtime)
{
    JS_SetHostPromiseRejectionTracker(runtime, on_rejection, NULL);
}

void rejections_forget(JSContext *ctx, JSValueConst promise)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_same_object(kept[i].promise, promise))
            continue;
        JSValue gone_promise = kept[i].promise, gone_reason = kept[i].reason;
        count--;
        for (size_t next = i; next < count; next++)
            kept[next] = kept[next + 1];
        JS_FreeValue(ctx, gone_promise);
        JS_FreeValue(ctx, gone_reason);
        return;
    }
}

bool rejections_oldest(JSContext *ctx, JSValue *reason)
{
    if (count == 0)
        return false;
    *reason = JS_DupValue(ctx, kept[0].reason);
    return true;
}
