//! Simulated and faulty kinds, for tests and for the deterministic simulation.
