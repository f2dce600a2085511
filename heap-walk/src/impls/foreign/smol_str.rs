//! `smol_str`.
