//! The one configuration of wasmtime: a module compiled under it is loaded under it and no other.

use std::hash::{Hash as _, Hasher};

use sha2::{Digest as _, Sha256};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

/// Stack of wasm code.
const WASM_STACK: usize = 4 << 20;
/// Below it, for what the host does in a call of the program.
const HOST_STACK: usize = 512 << 10;
/// Bytes of a memory that are written back and not given back to the kernel between two runs: where
/// the kernel tells which pages a run wrote to, those; elsewhere the first ones.
const KEPT_RESIDENT: usize = 512 << 10;
/// Elements of a table.
const TABLE_ELEMENTS: usize = 100_000;
/// Memories and tables of one module.
pub(crate) const PER_MODULE: u32 = 8;

/// How many instances an engine has room for, and how large their memories may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) runs: u32,
    pub(crate) memory_bytes: usize,
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .consume_fuel(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WASM_STACK + HOST_STACK)
        .memory_init_cow(true)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(None)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false);
    config
}

/// An engine that compiles and runs nothing.
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// Opens what tells an engine the pages that a run wrote to: `/proc/self/pagemap`, of this process
/// alone. To be called while files can be opened; without it engines work, more slowly.
pub(crate) fn open_page_map() {
    let _ = PoolingAllocationConfig::is_pagemap_scan_available();
}

/// An engine that runs what [`compiling`] compiled, in slots that are prepared beforehand.
pub(crate) fn running(room: Room) -> wasmtime::Result<Engine> {
    // One more than run: a run is told to have ended before its slot is clean.
    let slots = room.runs + 1;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots * 2)
        .total_tables(slots * 2)
        .total_stacks(slots)
        .max_memories_per_module(PER_MODULE)
        .max_tables_per_module(PER_MODULE)
        .max_core_instance_size(4 << 20)
        .max_memory_size(room.memory_bytes)
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(KEPT_RESIDENT)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// What a compiled module depends on beside the module: version and settings of wasmtime, and the
/// features of this processor.
pub(crate) fn fingerprint(engine: &Engine) -> [u8; 32] {
    struct Stable(Sha256);
    impl Hasher for Stable {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update((bytes.len() as u64).to_le_bytes());
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Stable(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}
