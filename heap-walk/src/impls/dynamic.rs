//! `dyn` traits of the standard library that programs keep boxed. Their values
//! are opaque: claimed with their size, scanned for what they hold.

use super::function::opaque_dyn;
use crate::walk::Walk;
use crate::walker::Walker;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::io::{BufRead, Read, Write};

opaque_dyn!([] Error);
opaque_dyn!([T] Future<Output = T>);
opaque_dyn!([T] Iterator<Item = T>);
opaque_dyn!([T] DoubleEndedIterator<Item = T>);
opaque_dyn!([T] ExactSizeIterator<Item = T>);
opaque_dyn!([] Debug);
opaque_dyn!([] Display);
opaque_dyn!([] Read);
opaque_dyn!([] BufRead);
opaque_dyn!([] Write);
opaque_dyn!([] std::fmt::Write);
opaque_dyn!([] std::hash::Hasher);
