//! The hub without a wire: rules, durability, fan-out.
