//! Collects every mistake of one derive input, so that a user meets them all at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors met so far.
///
/// Dropping one without [`Ctxt::finish`] panics: a forgotten error would turn into an expansion
/// that silently does less than was asked for.
pub(crate) struct Ctxt {
    /// `None` once finished.
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::new(Some(Vec::new())) }
    }

    /// Records a mistake that all of `tokens` is about.
    pub(crate) fn error_on(&self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens.into_token_stream(), message));
    }

    /// Records a mistake at one place.
    pub(crate) fn error_at(&self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    /// Records an error that syn's parser gave.
    pub(crate) fn add(&self, error: syn::Error) {
        if let Some(errors) = self.errors.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// Ends the collection: the `compile_error!` calls to emit, in the order of the mistakes, or
    /// nothing when there were none.
    pub(crate) fn finish(self) -> Result<(), TokenStream> {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        if errors.is_empty() {
            return Ok(());
        }
        Err(errors.iter().map(syn::Error::to_compile_error).collect())
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        if !thread::panicking() && self.errors.borrow().is_some() {
            panic!("derive(Walk) forgot to look at its errors");
        }
    }
}
