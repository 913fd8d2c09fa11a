//! What belongs to one running program, and what it may not exceed.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwork_wasi::WasiState;
use wasmtime::ResourceLimiter;

use super::{calls::Calls, control::Halt, meter::PeakMemory, serve::Process, wasi};
use crate::wire::{Form, FromChild, HEAD, Run};

/// The state of one run.
pub(crate) struct Guest {
    pub(crate) process: Arc<Process>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) memory: Memory,
    /// With how much it began.
    pub(crate) fuel: u64,
    pub(crate) wasi: WasiState,
    pub(crate) input: Bytes,
    output: Vec<u8>,
    output_limit: u64,
    pub(crate) log: Tail,
    random: ChaCha20Rng,
    run: u32,
    now_ms: u64,
    next_call: u32,
    open_calls: u32,
    most_calls: u32,
    /// The answer that is being read.
    pub(crate) answer: Bytes,
}

impl Guest {
    /// A guest that has done nothing, or why there is none.
    pub(crate) fn new(process: Arc<Process>, calls: Arc<Calls>, run: &Run) -> Result<Self, String> {
        let limits = &run.limits;
        let peak = calls.meter.peak.clone();
        let input = match &run.form {
            Form::Reactor { input } => input.clone(),
            Form::Command { stdin, .. } => stdin.clone(),
            Form::Trial => Bytes::new(),
        };
        Ok(Self {
            wasi: wasi::state(run, &calls)?,
            process,
            calls,
            memory: Memory::new(limits.memory_bytes, peak),
            fuel: limits.fuel,
            input,
            output: Vec::new(),
            output_limit: match run.form {
                // Its outcome has a head; the body's length is for who reads that.
                Form::Reactor { .. } => limits.output_bytes.saturating_add(HEAD),
                _ => limits.output_bytes,
            },
            log: Tail::new(limits.log_bytes),
            random: ChaCha20Rng::from_seed(run.seed),
            run: run.run,
            now_ms: run.now_ms,
            next_call: 0,
            open_calls: 0,
            most_calls: limits.calls,
            answer: Bytes::new(),
        })
    }

    /// What it wrote: by the `sealwork` interface, or to standard output; and whether that was too
    /// much.
    pub(crate) fn take_written(&mut self) -> (Bytes, Bytes, u64, bool) {
        let wasi = self.wasi.take_written();
        let mut output = std::mem::take(&mut self.output);
        let overflowed =
            wasi.stdout_overflowed || (output.len() + wasi.stdout.len()) as u64 > self.output_limit;
        if output.is_empty() {
            output = wasi.stdout;
        } else {
            output.extend_from_slice(&wasi.stdout);
        }
        self.log.write(&wasi.stderr_tail);
        let (kept, logged) = self.log.take();
        let unkept = wasi.stderr_bytes.saturating_sub(wasi.stderr_tail.len() as u64);
        (output.into(), kept, logged.saturating_add(unkept), overflowed)
    }

    /// Unix time in whole milliseconds: the worker's when the run began, and what passed since.
    pub(crate) fn now_ms(&self) -> u64 {
        let passed = u64::try_from(self.calls.control.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now_ms.saturating_add(passed)
    }

    pub(crate) fn fill_random(&mut self, out: &mut [u8]) {
        self.random.fill_bytes(out);
    }

    pub(crate) fn write_output(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        if (self.output.len() + bytes.len()) as u64 > self.output_limit {
            return Err(Halt::OutputTooLarge);
        }
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends a request out; its number, or `None` when too many are open.
    pub(crate) fn begin_call(&mut self, request: Bytes) -> Option<u32> {
        if self.open_calls >= self.most_calls {
            return None;
        }
        self.open_calls += 1;
        let call = self.next_call;
        self.next_call += 1;
        self.process.send(&FromChild::Call { run: self.run, call, request });
        Some(call)
    }

    /// The number of the next call that is answered; its answer is ready to be read then.
    pub(crate) fn next_answer(
        &mut self,
        patience: std::time::Duration,
    ) -> Result<Option<u32>, Halt> {
        let Some((call, answer)) = self.calls.wait(patience)? else { return Ok(None) };
        self.open_calls = self.open_calls.saturating_sub(1);
        self.answer = answer;
        Ok(Some(call))
    }
}

/// Counts all linear memories of a run together. Growing beyond the limit fails, as the program can
/// see; it does not trap.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    used: u64,
    peak: PeakMemory,
    /// What the last refusal was about.
    pub(crate) refused: Option<u64>,
}

impl Memory {
    fn new(limit: u64, peak: PeakMemory) -> Self {
        Self { limit, used: 0, peak, refused: None }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // What its own type forbids fails behind this, and must not count.
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let used = self.used.saturating_sub(current as u64).saturating_add(desired as u64);
        if used > self.limit {
            self.refused = Some(used);
            return Ok(false);
        }
        self.used = used;
        self.peak.at_least(used);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The slot's own size is the bound.
        Ok(true)
    }
}

/// The end of a stream of bytes.
#[derive(Debug)]
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    most: usize,
    written: u64,
}

impl Tail {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            kept: VecDeque::new(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
            written: 0,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.written = self.written.saturating_add(bytes.len() as u64);
        let bytes = &bytes[bytes.len().saturating_sub(self.most)..];
        let over = (self.kept.len() + bytes.len()).saturating_sub(self.most);
        self.kept.drain(..over);
        self.kept.extend(bytes);
    }

    pub(crate) fn take(&mut self) -> (Bytes, u64) {
        (Vec::from(std::mem::take(&mut self.kept)).into(), self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_end_and_counts_all() {
        let mut tail = Tail::new(4);
        tail.write(b"ab");
        tail.write(b"cde");
        tail.write(b"");
        let (kept, written) = tail.take();
        assert_eq!((&kept[..], written), (&b"bcde"[..], 5));
        let mut tail = Tail::new(4);
        tail.write(b"123456789");
        assert_eq!(&tail.take().0[..], b"6789");
        let mut none = Tail::new(0);
        none.write(b"x");
        assert_eq!(none.take(), (Bytes::new(), 1));
    }

    #[test]
    fn memories_are_counted_together_and_refused_beyond_the_limit() {
        let peak = PeakMemory::default();
        let mut memory = Memory::new(100, peak.clone());
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(memory.memory_growing(0, 40, None).unwrap());
        assert!(!memory.memory_growing(40, 41, None).unwrap());
        assert_eq!((memory.refused, peak.bytes()), (Some(101), 100));
    }

    /// Fails when `memory_growing` does not look at the maximum of the memory's own type.
    #[test]
    fn growth_that_a_memorys_own_type_forbids_is_not_counted() {
        let peak = PeakMemory::default();
        let mut memory = Memory::new(100, peak.clone());
        assert!(memory.memory_growing(0, 10, Some(20)).unwrap());
        for _ in 0..10 {
            assert!(!memory.memory_growing(10, 30, Some(20)).unwrap());
        }
        assert_eq!((peak.bytes(), memory.refused), (10, None));
        assert!(memory.memory_growing(0, 90, None).unwrap(), "another memory has what is left");
    }
}
