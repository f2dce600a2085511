//! Types, regions and places, interned: equal ones are the same arena value.
//!
//! Facts don't name types. What they tell is kept: which regions a variable's type has, which of them
//! a drop uses, and which fields are moved or assigned on their own.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr;

use heap_walk::Walk;

use crate::index::{FieldIdx, Loan, Local, Origin};

/// An interned type; equality is that of the address.
#[derive(Clone, Copy, Walk)]
pub struct Ty<'tcx>(pub(crate) &'tcx TyKind<'tcx>);

/// What is known of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Walk)]
pub enum TyKind<'tcx> {
    /// No regions, and never taken apart.
    Plain,
    /// One region: a reference, or something that holds one.
    Ref(Region<'tcx>, Ty<'tcx>),
    /// Several regions, or fields with moves of their own.
    Adt {
        /// Regions that a use of the value dereferences.
        regions: &'tcx [Region<'tcx>],
        /// Regions that a drop of the value dereferences.
        dropped_regions: &'tcx [Region<'tcx>],
        /// Types of the fields with move paths of their own.
        fields: &'tcx [Ty<'tcx>],
    },
}

/// An interned region; equality is that of the address.
#[derive(Clone, Copy, Walk)]
pub struct Region<'tcx>(pub(crate) &'tcx RegionKind);

/// What is known of a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Walk)]
pub enum RegionKind {
    /// The first universal region.
    Static,
    /// A universal region, with the loan that stands for its referents.
    Placeholder {
        /// Its variable.
        origin: Origin,
        /// Its placeholder loan.
        loan: Loan,
    },
    /// A region to be inferred.
    Var(Origin),
}

/// A local variable and the way from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Walk)]
pub struct Place<'tcx> {
    /// Where it starts.
    pub local: Local,
    /// How it goes on; interned.
    pub projection: &'tcx [PlaceElem<'tcx>],
}

/// A step from a place to one within or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Walk)]
pub enum PlaceElem<'tcx> {
    /// Behind a reference.
    Deref,
    /// A field of its own.
    Field(FieldIdx, Ty<'tcx>),
}

impl<'tcx> Ty<'tcx> {
    /// What is known of it.
    pub fn kind(self) -> &'tcx TyKind<'tcx> {
        self.0
    }
}

impl<'tcx> Region<'tcx> {
    /// What is known of it.
    pub fn kind(self) -> &'tcx RegionKind {
        self.0
    }

    /// The region variable of this function, `None` for `'static`.
    pub fn as_var(self) -> Option<Origin> {
        match *self.0 {
            RegionKind::Static => None,
            RegionKind::Placeholder { origin, .. } | RegionKind::Var(origin) => Some(origin),
        }
    }
}

macro_rules! compared_by_address {
    ($($name:ident),*) => {$(
        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                ptr::eq(self.0, other.0)
            }
        }

        impl Eq for $name<'_> {}

        impl Hash for $name<'_> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                ptr::from_ref(self.0).hash(state);
            }
        }
    )*};
}

compared_by_address!(Ty, Region);

impl fmt::Debug for Ty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            TyKind::Plain => f.write_str("_"),
            TyKind::Ref(region, referent) => write!(f, "&{region:?} {referent:?}"),
            TyKind::Adt { regions, fields, .. } => write!(f, "adt<{regions:?}>{fields:?}"),
        }
    }
}

impl fmt::Debug for Region<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_var() {
            None => f.write_str("'static"),
            Some(origin) => origin.fmt(f),
        }
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for elem in self.projection {
            if *elem == PlaceElem::Deref {
                f.write_str("*")?;
            }
        }
        self.local.fmt(f)?;
        for elem in self.projection {
            if let PlaceElem::Field(field, _) = elem {
                write!(f, ".{field:?}")?;
            }
        }
        Ok(())
    }
}
