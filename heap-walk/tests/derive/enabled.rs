use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use heap_walk::{Walk, Walker};

/// Has no `Walk`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Foreign;

fn is_leaf<T: Walk>() -> bool {
    T::is_leaf()
}

/// Names the whole vtable and every function of the impl, so that all of it is instantiated.
fn instantiate<T: Walk>(value: &T) {
    let _: &dyn Walk = value;
    let _ = T::describe as fn(&mut heap_walk::Describe<'_>);
    assert_eq!(value.shape().name(), std::any::type_name::<T>());
}

mod kinds {
    use super::*;

    #[derive(Walk)]
    struct Unit;
    #[derive(Walk)]
    struct Braces {}
    #[derive(Walk)]
    struct Numbers {
        a: u32,
        b: (u8, f64),
        c: [u32; 4],
    }
    #[derive(Walk)]
    struct Nested(Numbers, Unit);
    #[derive(Walk)]
    struct Owner(u32, Box<u32>);
    #[derive(Walk)]
    enum Void {}
    #[derive(Walk, Clone, Copy)]
    #[repr(u8)]
    enum CLike {
        A,
        B = 7,
        C {},
        D(),
    }
    #[derive(Walk)]
    enum Kinds {
        Unit,
        Tuple(u32, String),
        Named { r#type: Option<Box<u32>>, other: u8 },
    }
    #[derive(Walk)]
    #[repr(C)]
    enum Ordered {
        A(u8, u32, u8),
        B { x: Box<u32> },
        C,
    }
    #[derive(Walk)]
    #[repr(transparent)]
    struct Transparent(Vec<u8>);
    #[derive(Walk)]
    #[repr(C, align(64))]
    struct Aligned {
        a: u8,
    }

    #[test]
    fn structs_of_leaves_are_leaves() {
        assert!(is_leaf::<Unit>());
        assert!(is_leaf::<Braces>());
        assert!(is_leaf::<Numbers>());
        assert!(is_leaf::<Nested>());
        assert!(is_leaf::<Aligned>());
    }

    #[test]
    fn owners_and_enums_are_not() {
        assert!(!is_leaf::<Owner>());
        assert!(!is_leaf::<Transparent>());
        assert!(!is_leaf::<Void>());
        assert!(!is_leaf::<CLike>());
        assert!(!is_leaf::<Kinds>());
        assert!(!is_leaf::<Ordered>());
        assert!(!is_leaf::<Option<u32>>());
    }

    #[test]
    fn every_kind_is_instantiated() {
        instantiate(&Unit);
        instantiate(&Braces {});
        instantiate(&Nested(Numbers { a: 1, b: (1, 1.0), c: [0; 4] }, Unit));
        instantiate(&Owner(1, Box::new(1)));
        instantiate(&CLike::B);
        instantiate(&Kinds::Named { r#type: None, other: 0 });
        instantiate(&Ordered::B { x: Box::new(1) });
        instantiate(&Transparent(vec![1]));
        instantiate(&Aligned { a: 1 });
        instantiate(&None::<Void>);
    }
}

mod modes {
    use super::*;

    fn walk_list<'a, T: Walk>(list: &'a [T], walker: &mut Walker<'a>) {
        if let Some(first) = list.first() {
            walker.field("first", first);
        }
    }

    mod inner {
        pub(super) struct Facts;
        impl Facts {
            pub(super) fn walk<'a>(&'a self, _: &mut heap_walk::Walker<'a>) {}
        }
    }

    #[derive(Walk)]
    struct All<T: Walk, U> {
        #[walk(skip)]
        skipped: Foreign,
        #[walk(opaque)]
        opaque: U,
        #[walk(show)]
        shown: u32,
        #[walk(with = walk_list)]
        inferred: Vec<T>,
        #[walk(with = self::walk_list::<String>)]
        given: Vec<String>,
        #[walk(with = inner::Facts::walk)]
        method: inner::Facts,
    }

    #[derive(Walk)]
    enum InVariants<T> {
        A(#[walk(skip)] Foreign, #[walk(opaque)] Foreign, u32),
        B {
            #[walk(show)]
            shown: T,
            #[walk(with = walk_list)]
            list: Vec<u32>,
        },
    }

    #[derive(Walk)]
    struct OnlySkipped(#[walk(skip)] Foreign, #[walk(skip)] Box<u32>);
    #[derive(Walk)]
    struct Opaque(#[walk(opaque)] u32);
    #[derive(Walk)]
    struct Shown(#[walk(show)] u32);
    #[derive(Walk)]
    struct With(#[walk(with = nothing)] u32);

    fn nothing<'a>(_: &'a u32, _: &mut Walker<'a>) {}

    #[test]
    fn a_special_field_makes_no_leaf() {
        assert!(is_leaf::<OnlySkipped>());
        assert!(!is_leaf::<Opaque>());
        assert!(!is_leaf::<Shown>());
        assert!(!is_leaf::<With>());
    }

    #[test]
    fn every_mode_is_instantiated() {
        instantiate(&All {
            skipped: Foreign,
            opaque: Foreign,
            shown: 1,
            inferred: vec![vec![1u8]],
            given: vec![],
            method: inner::Facts,
        });
        instantiate(&InVariants::<u8>::A(Foreign, Foreign, 1));
        instantiate(&InVariants::B { shown: 1u8, list: vec![] });
    }
}

mod generics {
    use super::*;

    #[derive(Walk)]
    struct Lists<'a, 'b: 'a, T, const N: usize = 3>
    where
        T: Clone + 'b,
    {
        list: [Vec<T>; N],
        borrowed: &'a [&'b T],
    }

    #[derive(Walk)]
    enum Defaulted<T = u8> {
        A(Option<T>),
        B,
    }

    /// No parameter is owned: each may be without `Walk`.
    #[derive(Walk)]
    struct Pointed<'a, T, U, V, W, X: ?Sized> {
        a: &'a T,
        b: *const U,
        c: PhantomData<V>,
        d: Option<&'a [W]>,
        e: &'a X,
    }

    #[derive(Walk)]
    struct Hashed<K: Eq + Hash, V, S> {
        map: HashMap<K, V, S>,
        set: HashSet<K, S>,
    }

    #[derive(Walk)]
    struct OwnsUnsized<T: ?Sized> {
        a: Box<T>,
        b: Rc<T>,
    }

    #[derive(Walk)]
    struct MayBeUnsized<T: ?Sized> {
        len: usize,
        tail: T,
    }

    trait Interner {
        type Ty;
        type Kind: Clone;
    }
    struct Global;
    impl Interner for Global {
        type Ty = Box<Ty<Global>>;
        type Kind = Vec<u8>;
    }
    /// Only the projections need `Walk`; `Global` itself has none.
    #[derive(Walk)]
    struct Ty<I: Interner> {
        kind: <I as Interner>::Kind,
        args: Vec<I::Kind>,
    }
    #[derive(Walk)]
    struct Tys<I: Interner> {
        list: Vec<I::Ty>,
    }

    #[derive(Walk)]
    #[walk(bound = "T: Copy")]
    struct Bounded<T> {
        #[walk(with = walk_copy)]
        a: T,
    }
    fn walk_copy<'a, T: Copy>(_: &'a T, _: &mut Walker<'a>) {}

    #[test]
    fn only_what_is_owned_is_asked_for() {
        let (foreign, slice) = (Foreign, [Foreign]);
        instantiate(&Pointed::<_, Foreign, Foreign, _, str> {
            a: &foreign,
            b: std::ptr::null(),
            c: PhantomData,
            d: Some(&slice),
            e: "",
        });
        instantiate(&Ty::<Global> { kind: vec![], args: vec![] });
        instantiate(&Tys::<Global> { list: vec![] });
        instantiate(&Bounded { a: 'c' });
        instantiate(&Hashed::<u8, u8, std::hash::RandomState> {
            map: HashMap::default(),
            set: HashSet::default(),
        });
    }

    #[test]
    fn parameters_of_every_kind() {
        instantiate(&Lists::<String> { list: [vec![], vec![], vec![]], borrowed: &[] });
        instantiate(&Lists::<u8, 1> { list: [vec![1]], borrowed: &[&2] });
        instantiate(&Defaulted::<u16>::A(Some(1)));
        instantiate(&OwnsUnsized::<str> { a: "a".into(), b: "b".into() });
        instantiate(&OwnsUnsized::<dyn Walk> { a: Box::new(1u8), b: Rc::new(1u8) });
        instantiate(&MayBeUnsized { len: 1, tail: [1u8] });
        // Of a type that may be unsized nothing is known but by its values.
        assert!(!is_leaf::<MayBeUnsized<u32>>());
        assert!(!is_leaf::<MayBeUnsized<String>>());
    }

    #[test]
    fn borrowed_data_needs_no_static() {
        let text = String::from("text");
        let borrowed = [text.as_str()];
        let value = Lists::<&str> { list: [vec![], vec![], vec![]], borrowed: &[&borrowed[0]] };
        instantiate(&value);
    }
}

mod recursion {
    use super::*;

    #[derive(Walk)]
    enum Json {
        Null,
        Number(f64),
        Array(Vec<Json>),
        Object(HashMap<String, Json>),
        Sorted(BTreeMap<String, Json>),
    }

    #[derive(Walk)]
    struct List<T> {
        value: T,
        next: Option<Box<List<T>>>,
    }

    #[derive(Walk)]
    struct SelfList<T> {
        value: T,
        next: Option<Box<Self>>,
    }

    #[derive(Walk)]
    struct Expr<T> {
        block: Option<Box<Block<T>>>,
        value: T,
    }
    #[derive(Walk)]
    struct Block<T> {
        exprs: Vec<Expr<T>>,
        tail: Option<Rc<Mutex<Expr<T>>>>,
    }

    /// The pointee's type grows without end.
    #[derive(Walk)]
    struct Growing<'a, T> {
        value: T,
        next: Option<&'a Growing<'a, (T, T)>>,
    }

    #[test]
    fn recursive_types_are_provable_and_end() {
        instantiate(&Json::Null);
        assert!(!is_leaf::<Json>());
        instantiate(&List { value: 1u8, next: None });
        assert!(!is_leaf::<List<u8>>());
        instantiate(&SelfList { value: 1u8, next: None });
        instantiate(&Expr { block: None, value: 1u8 });
        assert!(!is_leaf::<Block<u8>>());
        let outer = Growing { value: (1u8, 2u8), next: None };
        instantiate(&Growing { value: 1u8, next: Some(&outer) });
    }
}

/// Nothing in the expansion meets a name of the user's.
mod hygiene {
    #![no_implicit_prelude]
    #![allow(non_camel_case_types)]

    struct Option;
    struct Some;
    struct Vec;
    struct Box;
    struct Self_;
    trait Walk {}
    mod core {}
    mod std {}
    mod heap_walk {}

    #[derive(::heap_walk::Walk)]
    enum Enum {
        None,
        Some(u32),
        Walker { w: &'static Box, __w: u8, shape: u16 },
    }
    #[derive(::heap_walk::Walk)]
    struct Struct<__T, a> {
        __w: u32,
        __f0: u8,
        this: &'static Vec,
        a: a,
        t: __T,
    }

    #[test]
    fn names_do_not_meet() {
        super::instantiate(&Enum::Walker { w: &Box, __w: 1, shape: 2 });
        super::instantiate(&Struct { __w: 1, __f0: 1, this: &Vec, a: 1u8, t: 2u8 });
    }
}

/// Types whose tokens come from different places: types and names from the caller's, the rest
/// from one macro or the next.
mod macros {
    use super::*;

    macro_rules! declare {
        ($name:ident, $ty:ty, $field:ident, $walk:path) => {
            #[derive(Walk)]
            struct $name<'a> {
                $field: $ty,
                inner: Option<$ty>,
                plain: u32,
                borrowed: &'a $ty,
                #[walk(with = $walk)]
                with: u8,
            }

            mod $field {
                use super::*;

                #[derive(Walk)]
                pub(super) enum Variants {
                    Tuple($ty, u8),
                    Named { $field: Vec<$ty>, plain: u32 },
                }
            }
        };
    }
    macro_rules! declare_outer {
        ($name:ident, $field:ident) => {
            declare!($name, Vec<Box<u32>>, $field, nothing);
        };
    }
    macro_rules! local {
        ($ty:ty) => {{
            #[derive(Walk)]
            struct Local(Vec<$ty>, u32);
            Local(vec![], 1)
        }};
    }

    fn nothing<'a>(_: &'a u8, _: &mut Walker<'a>) {}

    declare!(Direct, Box<u32>, direct, nothing);
    declare_outer!(Outer, outer);

    #[test]
    fn types_made_by_macros() {
        let (one, list) = (Box::new(1), vec![]);
        instantiate(&Direct { direct: Box::new(1), inner: None, plain: 1, borrowed: &one, with: 1 });
        instantiate(&Outer { outer: vec![], inner: None, plain: 1, borrowed: &list, with: 1 });
        instantiate(&direct::Variants::Tuple(Box::new(1), 1));
        instantiate(&outer::Variants::Named { outer: vec![], plain: 1 });
        instantiate(&local!(Arc<str>));
    }

    #[test]
    fn types_local_to_a_function() {
        struct Hidden;
        #[derive(Walk)]
        struct Local<'a> {
            #[walk(skip)]
            hidden: Hidden,
            text: Cow<'a, str>,
        }
        instantiate(&Local { hidden: Hidden, text: Cow::Borrowed("text") });
    }
}
