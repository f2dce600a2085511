//! `triomphe`.
