//! What the tests of this package share: random inputs that are the same in each run.
