//! `regex`.
