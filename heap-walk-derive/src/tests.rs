//! What the macro expands to, for inputs of every kind.

use expect_test::{expect, Expect};

use crate::expand::derive;

fn expand(input: &str) -> syn::File {
    let input = input.parse().expect("the input is Rust");
    syn::parse2(derive(input)).expect("the expansion is a list of items")
}

/// The generated impl; every expansion of a correct input is one anonymous const around it.
fn generated_impl(input: &str) -> syn::ItemImpl {
    let file = expand(input);
    let [syn::Item::Const(item)] = file.items.as_slice() else { panic!("not one const") };
    assert_eq!(item.ident, "_");
    let syn::Expr::Block(block) = &*item.expr else { panic!("not a block") };
    // Beside it stand imports and labels.
    let mut impls = block.block.stmts.iter().filter_map(|stmt| match stmt {
        syn::Stmt::Item(syn::Item::Impl(item)) => Some(item),
        _ => None,
    });
    let (Some(item), None) = (impls.next(), impls.next()) else { panic!("not one impl") };
    item.clone()
}

fn print(items: Vec<syn::Item>) -> String {
    prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items })
}

/// All that is generated.
fn check(input: &str, expected: Expect) {
    expected.assert_eq(&print(expand(input).items));
}

/// The header of the impl alone: generics and where-clause.
fn check_header(input: &str, expected: Expect) {
    let mut item = generated_impl(input);
    item.attrs.clear();
    item.items.clear();
    expected.assert_eq(&print(vec![syn::Item::Impl(item)]));
}

/// One function of the impl.
fn check_fn(name: &str, input: &str, expected: Expect) {
    let function = generated_impl(input).items.into_iter().find_map(|item| match item {
        syn::ImplItem::Fn(function) if function.sig.ident == name => Some(function),
        _ => None,
    });
    let text = match function {
        Some(syn::ImplItemFn { block, .. }) => {
            let function = syn::parse_quote!(fn f() #block);
            print(vec![syn::Item::Fn(function)])
        }
        None => "as in the trait\n".to_owned(),
    };
    expected.assert_eq(&text);
}

/// The messages for an input with mistakes, in order; a stub follows them.
fn check_errors(input: &str, expected: Expect) {
    let mut text = String::new();
    for item in expand(input).items {
        match item {
            syn::Item::Macro(item) => {
                let message: syn::LitStr = item.mac.parse_body().expect("one string");
                text.push_str(&message.value());
                text.push('\n');
            }
            item => assert!(matches!(item, syn::Item::Const(_)), "a message or the stub"),
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn a_struct_and_every_mode() {
    check(
        r#"
        struct Body<'tcx, T: Clone = u8> {
            blocks: Vec<T>,
            #[walk(show)] source: DefId,
            #[walk(skip)] arena: &'tcx Arena,
            #[walk(opaque)] cache: foreign::Lru,
            #[walk(with = walk_facts)] r#type: Facts,
            len: u32,
        }"#,
        expect![[r#"
            const _: () = {
                use ::heap_walk::Walk as __Walk;
                #[automatically_derived]
                #[allow(
                    deprecated,
                    unreachable_code,
                    clippy::all,
                    clippy::nursery,
                    clippy::pedantic
                )]
                impl<'tcx, T: Clone> ::heap_walk::Walk for Body<'tcx, T>
                where
                    T: ::heap_walk::Walk,
                {
                    fn walk<'__a>(&'__a self, __w: &mut ::heap_walk::Walker<'__a>) {
                        let _ = (<DefId as __Walk>::is_leaf,);
                        let [__l0, __l1, __l2, __l3, __l4] = const {
                            &::heap_walk::Label::fields(["blocks", "source", "cache", "type", "len"])
                        };
                        let Self { source: __f1, cache: __f3, r#type: __f4, .. } = self;
                        <Vec<T> as __Walk>::walk_field(&self.blocks, __w, __l0);
                        __w.show(__l1, __f1);
                        __w.visit_opaque(__l2, &*__f3);
                        __w.visit_with(__l3, __f4, |__v, __w| walk_facts(__v, __w));
                        <u32 as __Walk>::walk_field(&self.len, __w, __l4);
                    }
                    fn shape(&self) -> &'static ::heap_walk::Shape {
                        <Self as __Walk>::static_shape().0
                    }
                    fn describe(__d: &mut ::heap_walk::Describe<'_>) {
                        __d.source_here("heap-walk-derive", "0.1.0");
                        __d.structure(
                            &[
                                ::heap_walk::Field::at(
                                    "blocks",
                                    ::core::mem::offset_of!(Self, blocks),
                                    <Vec<T> as __Walk>::static_shape().0,
                                ),
                                ::heap_walk::Field::at(
                                    "source",
                                    ::core::mem::offset_of!(Self, source),
                                    <DefId as __Walk>::static_shape().0,
                                ),
                                ::heap_walk::Field::unwalked::<
                                    &'tcx Arena,
                                >(
                                    "arena",
                                    ::core::option::Option::Some(
                                        ::core::mem::offset_of!(Self, arena),
                                    ),
                                    "skip",
                                ),
                                ::heap_walk::Field::unwalked::<
                                    foreign::Lru,
                                >(
                                    "cache",
                                    ::core::option::Option::Some(
                                        ::core::mem::offset_of!(Self, cache),
                                    ),
                                    "opaque",
                                ),
                                ::heap_walk::Field::unwalked::<
                                    Facts,
                                >(
                                    "type",
                                    ::core::option::Option::Some(
                                        ::core::mem::offset_of!(Self, r#type),
                                    ),
                                    "with",
                                ),
                                ::heap_walk::Field::at(
                                    "len",
                                    ::core::mem::offset_of!(Self, len),
                                    <u32 as __Walk>::static_shape().0,
                                ),
                            ],
                        );
                    }
                }
            };
        "#]],
    );
}

#[test]
fn an_enum_of_every_kind_of_variant() {
    check(
        "enum E { Unit, Tuple(u32, #[walk(skip)] Box<E>), Named { r#in: String } }",
        expect![[r#"
            const _: () = {
                use ::heap_walk::Walk as __Walk;
                #[automatically_derived]
                #[allow(
                    deprecated,
                    unreachable_code,
                    clippy::all,
                    clippy::nursery,
                    clippy::pedantic
                )]
                impl ::heap_walk::Walk for E {
                    fn walk<'__a>(&'__a self, __w: &mut ::heap_walk::Walker<'__a>) {
                        let [__l0, __l1] = const {
                            &::heap_walk::Label::table([["Tuple", "0", ""], ["Named", "in", ""]])
                        };
                        let __shape = <Self as __Walk>::static_shape().0;
                        match self {
                            Self::Unit { .. } => {
                                __w.variant(__shape, 0u32);
                            }
                            Self::Tuple { 0: __f0, 1: __f1 } => {
                                if __w.variant(__shape, 1u32) {
                                    __w.variant_offsets(
                                        __shape,
                                        1u32,
                                        self as *const Self as usize,
                                        &[__f0 as *const _ as usize, __f1 as *const _ as usize],
                                    );
                                }
                                <u32 as __Walk>::walk_field(__f0, __w, __l0);
                            }
                            Self::Named { r#in: __f0 } => {
                                if __w.variant(__shape, 2u32) {
                                    __w.variant_offsets(
                                        __shape,
                                        2u32,
                                        self as *const Self as usize,
                                        &[__f0 as *const _ as usize],
                                    );
                                }
                                <String as __Walk>::walk_field(__f0, __w, __l1);
                            }
                        }
                    }
                    fn shape(&self) -> &'static ::heap_walk::Shape {
                        <Self as __Walk>::static_shape().0
                    }
                    fn describe(__d: &mut ::heap_walk::Describe<'_>) {
                        __d.source_here("heap-walk-derive", "0.1.0");
                        __d.enumeration(
                            &[
                                ::heap_walk::Variant::new("Unit", 0, &[]),
                                ::heap_walk::Variant::new(
                                    "Tuple",
                                    ::core::mem::size_of::<(u32, Box<E>)>(),
                                    &[
                                        ::heap_walk::Field::of(
                                            "0",
                                            <u32 as __Walk>::static_shape().0,
                                        ),
                                        ::heap_walk::Field::unwalked::<
                                            Box<E>,
                                        >("1", ::core::option::Option::None, "skip"),
                                    ],
                                ),
                                ::heap_walk::Variant::new(
                                    "Named",
                                    ::core::mem::size_of::<(String,)>(),
                                    &[
                                        ::heap_walk::Field::of(
                                            "in",
                                            <String as __Walk>::static_shape().0,
                                        ),
                                    ],
                                ),
                            ],
                        );
                    }
                }
            };
        "#]],
    );
}

#[test]
fn a_unit_struct() {
    check_fn(
        "walk",
        "struct A;",
        expect![[r#"
        fn f() {}
    "#]],
    );
    check_fn(
        "is_leaf",
        "struct A;",
        expect![[r#"
        fn f() {
            true
        }
    "#]],
    );
    check_fn(
        "is_leaf",
        "struct A {}",
        expect![[r#"
        fn f() {
            true
        }
    "#]],
    );
}

#[test]
fn is_leaf_asks_each_type_once_and_is_left_to_the_trait_where_a_field_is_special() {
    check_fn(
        "is_leaf",
        "struct A { a: u32, b: (u8, u8), c: u32 }",
        expect![[r#"
            fn f() {
                <u32 as __Walk>::is_leaf() && <(u8, u8) as __Walk>::is_leaf()
            }
        "#]],
    );
    check_fn(
        "is_leaf",
        "struct A { a: u32, #[walk(skip)] b: Foreign }",
        expect![[r#"
            fn f() {
                <u32 as __Walk>::is_leaf()
            }
        "#]],
    );
    check_fn(
        "is_leaf",
        "struct A { a: u32, #[walk(opaque)] b: Foreign }",
        expect![[r#"
        as in the trait
    "#]],
    );
    check_fn(
        "is_leaf",
        "struct A { #[walk(show)] a: u32 }",
        expect![[r#"
        as in the trait
    "#]],
    );
    check_fn(
        "is_leaf",
        "struct A { #[walk(with = f)] a: u32 }",
        expect![[r#"
        as in the trait
    "#]],
    );
    check_fn(
        "is_leaf",
        "enum A { B }",
        expect![[r#"
        as in the trait
    "#]],
    );
}

#[test]
fn skipped_fields_are_described_and_nothing_more() {
    check_fn(
        "walk",
        "struct A(#[walk(skip)] Foreign, #[walk(skip)] u32);",
        expect![[r#"
        fn f() {}
    "#]],
    );
    check_fn(
        "describe",
        "struct A(#[walk(skip)] Foreign);",
        expect![[r#"
            fn f() {
                __d.source_here("heap-walk-derive", "0.1.0");
                __d.structure(
                    &[
                        ::heap_walk::Field::unwalked::<
                            Foreign,
                        >(
                            "0",
                            ::core::option::Option::Some(::core::mem::offset_of!(Self, 0)),
                            "skip",
                        ),
                    ],
                );
            }
        "#]],
    );
}

#[test]
fn enums_without_fields_have_no_arms_to_walk() {
    check_fn(
        "walk",
        "enum Void {}",
        expect![[r#"
        fn f() {
            match *self {}
        }
    "#]],
    );
    check_fn(
        "describe",
        "enum Void {}",
        expect![[r#"
            fn f() {
                __d.source_here("heap-walk-derive", "0.1.0");
                __d.plain_enumeration("", "", &[], &[]);
            }
        "#]],
    );
    check_fn(
        "walk",
        "enum C { A, B = 7, C {} , D() }",
        expect![[r#"
            fn f() {
                let __index = match self {
                    Self::A { .. } => 0u32,
                    Self::B { .. } => 1u32,
                    Self::C { .. } => 2u32,
                    Self::D { .. } => 3u32,
                };
                __w.variant(<Self as __Walk>::static_shape().0, __index);
            }
        "#]],
    );
}

#[test]
fn an_ordered_repr_is_measured_in_that_order() {
    check_fn(
        "describe",
        "#[repr(C, align(8))] enum A { B(u8, u32), C }",
        expect![[r#"
            fn f() {
                __d.source_here("heap-walk-derive", "0.1.0");
                __d.plain_enumeration(
                    "B C",
                    "0 1",
                    &[
                        (
                            ::heap_walk::repr_c_size(
                                &[
                                    (::core::mem::size_of::<u8>(), ::core::mem::align_of::<u8>()),
                                    (::core::mem::size_of::<u32>(), ::core::mem::align_of::<u32>()),
                                ],
                            ),
                            2usize,
                        ),
                        (::heap_walk::repr_c_size(&[]), 0usize),
                    ],
                    &[<u8 as __Walk>::static_shape, <u32 as __Walk>::static_shape],
                );
            }
        "#]],
    );
    check_fn(
        "describe",
        "#[repr(align(8), u8)] enum A { B(u8) }",
        expect![[r#"
            fn f() {
                __d.source_here("heap-walk-derive", "0.1.0");
                __d.plain_enumeration(
                    "B",
                    "0",
                    &[
                        (
                            ::heap_walk::repr_c_size(
                                &[(::core::mem::size_of::<u8>(), ::core::mem::align_of::<u8>())],
                            ),
                            1usize,
                        ),
                    ],
                    &[<u8 as __Walk>::static_shape],
                );
            }
        "#]],
    );
}

#[test]
fn bounds_go_on_parameters_that_walked_fields_own() {
    check_header(
        "struct A<T, U, V> { a: Vec<T>, b: (u8, [U; 3]), c: u8 }",
        expect![[r#"
        impl<T, U, V> ::heap_walk::Walk for A<T, U, V>
        where
            T: ::heap_walk::Walk,
            U: ::heap_walk::Walk,
        {}
    "#]],
    );
    check_header(
        "enum A<T, U> { B(T), C { u: Option<U> }, D }",
        expect![[r#"
        impl<T, U> ::heap_walk::Walk for A<T, U>
        where
            T: ::heap_walk::Walk,
            U: ::heap_walk::Walk,
        {}
    "#]],
    );
    check_header(
        "struct A<T>(Rc<T>, Box<dyn Fn(T) -> T>);",
        expect![[r#"
        impl<T> ::heap_walk::Walk for A<T>
        where
            T: ::heap_walk::Walk,
        {}
    "#]],
    );
}

#[test]
fn no_bounds_on_what_is_only_pointed_to() {
    check_header(
        "struct A<'a, T, U, V, W, X, Y> {
            a: &'a T, b: Vec<&'a mut U>, c: *const V, d: fn(W) -> W, e: PhantomData<X>,
            f: ::core::marker::PhantomData<Y>,
        }",
        expect![[r#"
            impl<'a, T, U, V, W, X, Y> ::heap_walk::Walk for A<'a, T, U, V, W, X, Y> {}
        "#]],
    );
}

#[test]
fn no_bounds_on_what_is_not_walked() {
    check_header(
        "struct A<T, U, V> {
            #[walk(skip)] a: T, #[walk(opaque)] b: U, #[walk(with = f)] c: V,
        }",
        expect![[r#"
            impl<T, U, V> ::heap_walk::Walk for A<T, U, V> {}
        "#]],
    );
}

#[test]
fn no_bounds_on_hashers() {
    check_header(
        "struct A<K, V, S>(std::collections::HashMap<K, V, S>);",
        expect![[r#"
        impl<K, V, S> ::heap_walk::Walk for A<K, V, S>
        where
            K: ::heap_walk::Walk,
            V: ::heap_walk::Walk,
        {}
    "#]],
    );
    check_header(
        "struct A<T, S>(HashSet<T, S>);",
        expect![[r#"
        impl<T, S> ::heap_walk::Walk for A<T, S>
        where
            T: ::heap_walk::Walk,
        {}
    "#]],
    );
}

#[test]
fn bounds_go_on_projections_as_they_are_written() {
    check_header(
        "struct A<'a, I: Interner, T> {
            a: I::Ty, b: Vec<<I as Interner>::Ty>, c: Option<I::Ty>, d: &'a I::Region,
            e: <Vec<T> as IntoIterator>::Item, f: <Vec<u8> as IntoIterator>::Item, g: T::Of<I>,
        }",
        expect![[r#"
            impl<'a, I: Interner, T> ::heap_walk::Walk for A<'a, I, T>
            where
                I::Ty: ::heap_walk::Walk,
                <I as Interner>::Ty: ::heap_walk::Walk,
                <Vec<T> as IntoIterator>::Item: ::heap_walk::Walk,
                T::Of<I>: ::heap_walk::Walk,
            {}
        "#]],
    );
}

#[test]
fn a_shown_parameter_needs_debug() {
    check_header(
        "struct A<T, U>(#[walk(show)] T, #[walk(show)] Vec<U>);",
        expect![[r#"
        impl<T, U> ::heap_walk::Walk for A<T, U>
        where
            T: ::heap_walk::Walk + ::core::fmt::Debug,
            U: ::heap_walk::Walk,
        {}
    "#]],
    );
}

#[test]
fn the_types_own_generics_are_kept() {
    check_header(
        "struct A<'a: 'b, 'b, #[other] T: Clone + 'a = u8, const N: usize = 3>
            where T: Copy, [T; N]: Sized { a: &'a &'b [T; N] }",
        expect![[r#"
            impl<'a: 'b, 'b, T: Clone + 'a, const N: usize> ::heap_walk::Walk for A<'a, 'b, T, N>
            where
                T: Copy,
                [T; N]: Sized,
            {}
        "#]],
    );
}

#[test]
fn bound_replaces_what_would_be_generated() {
    check_header(
        r#"#[walk(bound = "T::Key: Walk, U: Other")] struct A<T: Schema, U> where U: Copy { a: T, b: U }"#,
        expect![[r#"
            impl<T: Schema, U> ::heap_walk::Walk for A<T, U>
            where
                U: Copy,
                T::Key: Walk,
                U: Other,
            {}
        "#]],
    );
    check_header(
        r#"#[walk(bound = "")] struct A<T>(T);"#,
        expect![[r#"
        impl<T> ::heap_walk::Walk for A<T> {}
    "#]],
    );
}

#[test]
fn a_tail_that_may_be_unsized_is_walked_where_it_has_a_size() {
    check_header(
        "struct A<T: ?Sized> { a: u8, b: T }",
        expect![[r#"
            impl<T: ?Sized> ::heap_walk::Walk for A<T>
            where
                T: ::heap_walk::Walk,
            {}
        "#]],
    );
    check_header(
        "struct A<T> where T: ?Sized { a: u8, b: Tail<T> }",
        expect![[r#"
        impl<T> ::heap_walk::Walk for A<T>
        where
            T: ?Sized,
            T: ::heap_walk::Walk,
            Tail<T>: ::core::marker::Sized,
        {}
    "#]],
    );
    check_header(
        "struct A<T: ?Sized, U> { a: Box<T>, b: U }",
        expect![[r#"
        impl<T: ?Sized, U> ::heap_walk::Walk for A<T, U>
        where
            T: ::heap_walk::Walk,
            U: ::heap_walk::Walk,
        {}
    "#]],
    );
}

#[test]
fn every_mistake_of_an_input_is_reported_at_once() {
    check_errors(
        r#"
        #[walk(skip, bound = 3)]
        struct A<#[walk(skip)] T> {
            #[walk(skpi)] a: u8,
            #[walk(skip, skip)] b: u8,
            #[walk] c: T,
            #[walk()] d: u8,
            #[walk = "skip"] e: u8,
            #[walk(opaque = true)] f: u8,
            #[walk(show(x))] g: u8,
            #[walk(with)] h: u8,
            #[walk(with =)] i: u8,
            #[walk(with = "a::b")] j: u8,
            #[walk(with = |x, w| ())] k: u8,
            #[walk(with(f))] l: u8,
            #[walk("skip")] m: u8,
            #[walk(3)] n: u8,
            #[walk(follow)] o: u8,
            #[walk(bound = "T: Walk")] p: u8,
            #[walk(skip)] #[walk(show)] q: u8,
            #[walk(opaque, with = f, skip)] r: u8,
            #[walk(type)] s: u8,
            #[walk(skip::x)] t: u8,
        }"#,
        expect![[r#"
            a generic parameter takes no walk attributes; put `#[walk(bound = "...")]` on the type
            `skip` belongs on a field, not on a type
            `bound` takes where-predicates in a string; write `#[walk(bound = "T: Walk")]`
            unknown walk attribute `skpi`; did you mean `skip`?
            `skip` is given twice; remove one
            `#[walk]` alone says nothing; write `#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]`, `#[walk(key)]`, `#[walk(follow)]`, `#[walk(with = path)]`, `#[walk(via = path)]`, `#[walk(as = Type)]`, `#[walk(missing = opaque)]` or `#[walk(rename = "name")]`
            `#[walk()]` says nothing; write `#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]`, `#[walk(key)]`, `#[walk(follow)]`, `#[walk(with = path)]`, `#[walk(via = path)]`, `#[walk(as = Type)]`, `#[walk(missing = opaque)]` or `#[walk(rename = "name")]`
            `walk` takes a list in parentheses; write `#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]`, `#[walk(key)]`, `#[walk(follow)]`, `#[walk(with = path)]`, `#[walk(via = path)]`, `#[walk(as = Type)]`, `#[walk(missing = opaque)]` or `#[walk(rename = "name")]`
            `opaque` takes no value; write `#[walk(opaque)]`
            `show` takes no value; write `#[walk(show)]`
            `with` needs a function; write `#[walk(with = path)]`
            `with` needs a function; write `#[walk(with = path)]`
            `with` takes a path, not a string; write `#[walk(with = a::b)]`
            `with` takes the path of a function; give `fn name<'a>(value: &'a Field, walker: &mut Walker<'a>)` a name and write `#[walk(with = name)]`
            `with` takes a function after `=`; write `#[walk(with = path)]`
            attribute names take no quotes; write `#[walk(skip)]`
            expected the name of a walk attribute, found a literal; write `#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]`, `#[walk(key)]`, `#[walk(follow)]`, `#[walk(with = path)]`, `#[walk(via = path)]`, `#[walk(as = Type)]`, `#[walk(missing = opaque)]` or `#[walk(rename = "name")]`
            `bound` belongs on the type, not on a field
            unknown walk attribute `type`; a field takes `#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]`, `#[walk(key)]`, `#[walk(follow)]`, `#[walk(with = path)]`, `#[walk(via = path)]`, `#[walk(as = Type)]`, `#[walk(missing = opaque)]` or `#[walk(rename = "name")]`
            expected `,`
            `follow` finds no reference in this type, only in `&T` and in containers of the standard library; spell it out as in `#[walk(as = Container<heap_walk::Follow>)]`
            `skip` and `show` exclude each other: `skip` doesn't look at the field, `show` records its value and walks it; keep one
            `opaque` and `with` exclude each other: `opaque` only scans its bytes, `with` leaves it to a function; keep one
            `opaque` and `skip` exclude each other: `opaque` only scans its bytes, `skip` doesn't look at the field; keep one
        "#]],
    );
}

#[test]
fn mistakes_of_types_and_variants() {
    check_errors(
        "enum A { #[walk(skip)] B(u8) }",
        expect![[r#"
            `skip` belongs on a field, not on a variant
        "#]],
    );
    check_errors(
        r#"#[walk(bound = "T: Walk")] #[walk(bound = "")] struct A<T>(T);"#,
        expect![[r#"
            `bound` is given twice; join the two strings
        "#]],
    );
    check_errors(
        r#"#[walk(bound = "T Walk")] struct A<T>(T);"#,
        expect![[r#"
        `bound` is no list of where-predicates: expected `:`; write `#[walk(bound = "T: Walk")]`
    "#]],
    );
    check_errors(
        "#[walk(bond)] #[walk] struct A;",
        expect![[r#"
            `#[walk]` alone says nothing; write `#[walk(missing = opaque)]`, `#[walk(bound = "T: Walk")]`, `#[walk(key)]`, `#[walk(transparent)]`, `#[walk(rename = "name")]`, `#[walk(remote = "foreign::Type")]` or `#[walk(crate = path)]`
            unknown walk attribute `bond`; did you mean `bound`?
        "#]],
    );
    check_errors(
        "#[walk(rename)] struct A;",
        expect![[r#"
            `rename` takes a name in a string; write `#[walk(rename = "name")]`
        "#]],
    );
    check_errors(
        "union U { a: u8, #[walk(skp)] b: u8 }",
        expect![[r#"
        `Walk` can't be derived for a union, which doesn't say which field is live; put `#[walk(opaque)]` on the fields of type `U`, or write `impl Walk for U`
    "#]],
    );
    check_errors("#[repr(C, packed(2))] struct A { a: u8 }", expect![""]);
    check_errors("struct A { a: u8, b: [u8] }", expect![""]);
    check_errors("struct A(dyn Trait);", expect![""]);
    check_errors("struct A(str);", expect![""]);
}

#[test]
fn an_input_with_mistakes_gets_an_impl_that_does_nothing() {
    check(
        "struct A<'a, T: Copy = u8> where T: Clone { #[walk(skpi)] a: &'a T }",
        expect![[r#"
            ::core::compile_error! {
                "unknown walk attribute `skpi`; did you mean `skip`?"
            }
            const _: () = {
                #[automatically_derived]
                impl<'a, T: Copy> ::heap_walk::Walk for A<'a, T>
                where
                    T: Clone,
                {
                    fn walk<'__a>(&'__a self, _: &mut ::heap_walk::Walker<'__a>) {}
                }
            };
        "#]],
    );
}
