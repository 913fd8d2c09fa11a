/* Promises that were rejected while nobody listened. */
#ifndef SEALWORK_REJECTIONS_H
#define SEALWORK_REJECTIONS_H

#include <stdbool.h>

#include "quickjs.h"

void rejections_track(JSRuntime *runtime);

/* This promise is looked at by the runtime itself: its rejection is not unhandled. */
void rejections_forget(JSContext *ctx, JSValueConst promise);

/* The reason of the oldest that is still unhandled; the caller frees it. */
bool rejections_oldest(JSContext *ctx, JSValue *reason);

#endif
