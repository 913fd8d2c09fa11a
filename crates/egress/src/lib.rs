//! The only way out to the network: resolution, address guard, limits, robots and politeness.
#![forbid(unsafe_code)]
