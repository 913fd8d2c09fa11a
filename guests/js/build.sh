#!/bin/sh
# Builds js.wasm from QuickJS-ng and the sources beside this script. The same sources and the same
# compiler (Debian 12: clang 14.0.6, wasi-libc 0.0~git20220510) give the same bytes, wherever the
# checkout lies.
#
#   build.sh            builds js.wasm and js.wasm.sha256
#   build.sh --check    builds elsewhere and fails if the digest differs from js.wasm.sha256
#   build.sh --sources  leaves the sources of QuickJS-ng, as they are published, in BUILD_DIR/quickjs
#
# BUILD_DIR: where it works (default: a new temporary directory, removed at the end).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
crate=rquickjs-sys
version=0.14.0
crate_sha256=cee271d0eeba64f0915b846cb7ae02e16faf3dfdffdca91731101d9d30fe3423
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=0

# The crate's archive as cargo downloads and verifies it, unpacked to $build/quickjs.
fetch_quickjs() {
    mkdir -p "$build/fetch/src"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\n[workspace]\n[dependencies]\n%s = "=%s"\n' \
        "$crate" "$version" >"$build/fetch/Cargo.toml"
    : >"$build/fetch/src/lib.rs"
    (cd "$build/fetch" && cargo fetch --quiet)
    for archive in "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$crate-$version.crate"; do
        echo "$crate_sha256  $archive" | sha256sum --check --quiet
        tar -xzf "$archive" -C "$build"
        break
    done
    mv "$build/$crate-$version/quickjs" "$build/quickjs"
}

# QuickJS checks its stack by address. It leaves that out for WASI, where it would have to guess the
# size; here the size is given.
enable_stack_check() {
    [ "$(grep -c '^#if defined(__wasi__)$' "$build/quickjs/quickjs.c")" = 1 ]
    sed -i 's/^#if defined(__wasi__)$/#if 0/' "$build/quickjs/quickjs.c"
}

# What syntax errors and stacks say about places; the patch itself says what for.
mend_places() {
    patch --quiet --fuzz=0 -d "$build/quickjs" -p1 <"$here/quickjs.patch"
}

# The check sees the stack in linear memory alone. Functions that recurse and keep next to nothing
# there would use up the host's stack first: each gets bytes in proportion to what it takes there.
weigh_recursion() {
    for weighed in json_parse_value:192 js_json_to_str:192 js_parse_assign_expr2:512 \
        js_parse_unary:256 js_parse_statement_or_decl:256 js_parse_destructuring_element:256; do
        name=${weighed%:*} bytes=${weighed#*:}
        awk -v head="^static .*[ *]$name\\(" -v bytes="$bytes" '
            $0 ~ head { found = 1 }
            found && /;$/ { found = 0 }
            { print }
            found && /^\{$/ {
                print "    char weight[" bytes "];\n    __asm__ volatile(\"\" : : \"r\"(weight));"
                found = 0
                count++
            }
            END { exit count != 1 }' "$build/quickjs/quickjs.c" >"$build/weighed.c"
        mv "$build/weighed.c" "$build/quickjs/quickjs.c"
    done
}

embed_prelude() {
    {
        echo '(function (native) {"use strict";'
        for part in "$here"/prelude/*.js; do
            cat "$part"
        done
        echo '})'
    } >"$build/prelude.js"
    {
        echo '#include "prelude.h"'
        echo 'const unsigned char prelude_source[] = {'
        od -An -v -tu1 "$build/prelude.js" | sed 's/  */,/g; s/^,//; s/$/,/'
        echo '0};'
        echo 'const unsigned long prelude_source_len = sizeof prelude_source - 1;'
    } >"$build/prelude.c"
}

compile() {
    flags="--target=wasm32-wasi --sysroot=/usr -I/usr/include/wasm32-wasi -std=c11 -O2 -g0
        -ffile-prefix-map=$build=. -ffile-prefix-map=$here=. -fvisibility=hidden
        -D_GNU_SOURCE -DQUICKJS_NG_BUILD -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS"
    objects=
    for part in quickjs libregexp libunicode dtoa; do
        # shellcheck disable=SC2086
        clang $flags -w -c "$build/quickjs/$part.c" -o "$build/$part.o"
        objects="$objects $build/$part.o"
    done
    for part in runtime native rejections heap text sha libc; do
        # shellcheck disable=SC2086
        clang $flags -Wall -Wextra -Werror -isystem "$build/quickjs" -c "$here/$part.c" -o "$build/$part.o"
        objects="$objects $build/$part.o"
    done
    # shellcheck disable=SC2086
    clang $flags -I"$here" -c "$build/prelude.c" -o "$build/prelude.o"
    # shellcheck disable=SC2086
    clang --target=wasm32-wasi --sysroot=/usr -nostartfiles -O2 $objects "$build/prelude.o" \
        -L/usr/lib/wasm32-wasi -lwasi-emulated-process-clocks -lwasi-emulated-signal \
        -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=1048576 \
        -o "$build/plain.wasm"
}

# With the features of the whole workspace, whose tests have built the same wasmtime already.
pre_initialise() {
    root=$here/../..
    target=${CARGO_TARGET_DIR:-$root/target}
    (cd "$root" && cargo build --quiet --locked --workspace --bin sealwork-guest-preinit)
    "$target/debug/sealwork-guest-preinit" "$build/plain.wasm" "$build/js.wasm"
}

main() {
    if [ -n "${BUILD_DIR:-}" ]; then
        build=$BUILD_DIR
        rm -rf "$build/quickjs" "$build/$crate-$version"
        mkdir -p "$build"
    else
        build=$(mktemp -d)
        trap 'rm -rf "$build"' EXIT
    fi
    fetch_quickjs
    [ "${1:-}" = --sources ] && return
    "$here/../../scripts/setup.sh" guests
    enable_stack_check
    mend_places
    weigh_recursion
    embed_prelude
    compile
    pre_initialise
    digest=$(sha256sum <"$build/js.wasm" | cut -d' ' -f1)
    if [ "${1:-}" = --check ]; then
        echo "$digest  js.wasm" | diff "$here/js.wasm.sha256" -
        echo "js.wasm is reproduced: $digest"
    else
        cp "$build/js.wasm" "$here/js.wasm"
        echo "$digest  js.wasm" >"$here/js.wasm.sha256"
        echo "$digest"
    fi
}

main "$@"
