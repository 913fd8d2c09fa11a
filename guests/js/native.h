/* The functions that the prelude gets from C. User code never holds the object that carries them. */
#ifndef SEALWORK_NATIVE_H
#define SEALWORK_NATIVE_H

#include "quickjs.h"

JSValue native_object(JSContext *ctx);

/* Replaces the generator behind Math.random; `native_seed_random` seeds it for one run. */
int native_define_math_random(JSContext *ctx);
void native_seed_random(void);

#endif
