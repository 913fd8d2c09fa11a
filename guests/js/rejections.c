#include "rejections.h"

#define FIRST_ROOM 16

struct rejection {
    JSValue promise, reason;
};

/* The list: from `first` to before `end`, oldest first. */
static struct rejection *kept;
static size_t first, end, room;
/* One for which there was no memory: it stays unhandled. */
static bool is_one_lost;

static bool is_same_object(JSValueConst a, JSValueConst b)
{
    return JS_VALUE_GET_PTR(a) == JS_VALUE_GET_PTR(b);
}

static void move_to(size_t at, size_t from)
{
    while (from < end)
        kept[at++] = kept[from++];
    end = at;
}

static bool make_room(JSRuntime *runtime)
{
    if (end < room)
        return true;
    if (first > room / 2) {
        move_to(0, first);
        first = 0;
        return true;
    }
    size_t more = room == 0 ? FIRST_ROOM : room * 2;
    struct rejection *moved = js_realloc_rt(runtime, kept, more * sizeof *kept);
    if (moved == NULL)
        return false;
    kept = moved;
    room = more;
    return true;
}

/* Most are the oldest or the newest, however many there are. */
static bool find(JSValueConst promise, size_t *at)
{
    for (size_t low = first, high = end; low < high; low++) {
        high--;
        if (is_same_object(kept[low].promise, promise))
            *at = low;
        else if (is_same_object(kept[high].promise, promise))
            *at = high;
        else
            continue;
        return true;
    }
    return false;
}

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled,
                         void *opaque)
{
    (void)opaque;
    if (is_handled)
        rejections_forget(ctx, promise);
    else if (!make_room(JS_GetRuntime(ctx)))
        is_one_lost = true;
    else
        kept[end++] = (struct rejection){JS_DupValue(ctx, promise), JS_DupValue(ctx, reason)};
}

void rejections_track(JSRuntime *runtime)
{
    JS_SetHostPromiseRejectionTracker(runtime, on_rejection, NULL);
}

void rejections_forget(JSContext *ctx, JSValueConst promise)
{
    size_t at;
    if (!find(promise, &at))
        return;
    struct rejection gone = kept[at];
    if (at == first)
        first++;
    else
        move_to(at, at + 1);
    JS_FreeValue(ctx, gone.promise);
    JS_FreeValue(ctx, gone.reason);
}

bool rejections_oldest(JSContext *ctx, JSValue *reason)
{
    bool is_one_kept = first < end;
    if (is_one_kept)
        *reason = JS_DupValue(ctx, kept[first].reason);
    else if (is_one_lost)
        *reason = JS_UNDEFINED;
    return is_one_kept || is_one_lost;
}
