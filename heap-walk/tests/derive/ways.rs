//! What the attributes that choose a way put into a snapshot.

use super::described::{described, owning_fields, snapshot};
use heap_snapshot::read::Snapshot;
use heap_snapshot::record::{EdgeKind, Target};
use heap_walk::{Owned, Walk};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// Types of another crate, without a `Walk`.
mod foreign {
    #[derive(Clone, Default, PartialEq, Eq, Hash)]
    pub(super) struct Point {
        pub(super) x: u64,
        pub(super) names: Vec<String>,
    }

    pub(super) struct Private<T> {
        pub(super) seen: T,
        unseen: [u32; 3],
    }

    impl<T> Private<T> {
        pub(super) fn new(seen: T) -> Private<T> {
            Private { seen, unseen: [0; 3] }
        }
        pub(super) fn sum(&self) -> u32 {
            self.unseen.iter().sum()
        }
    }

    #[derive(Clone)]
    pub(super) enum Event<T> {
        None,
        Moved { to: Point, by: T },
    }
}

/// The names of a type's fields with what is done with them.
fn fields(snapshot: &Snapshot, name: &str) -> Vec<(String, String)> {
    let desc = snapshot.types.iter().find(|ty| ty.name.ends_with(name));
    let desc = desc.unwrap_or_else(|| panic!("no type {name}: {:?}", names(snapshot)));
    desc.fields.iter().map(|field| (field.name.clone(), field.mode.clone())).collect()
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.types.iter().map(|ty| ty.name.as_str()).collect()
}

fn mode<'a>(name: &'a str, mode: &'a str) -> (String, String) {
    (name.to_owned(), mode.to_owned())
}

/// Key edges: the label's name and table, and the key.
fn keys(snapshot: &Snapshot) -> Vec<(String, String, u64)> {
    let mut keys: Vec<_> = snapshot
        .edges
        .iter()
        .filter(|edge| edge.kind == EdgeKind::KEY)
        .map(|edge| {
            let label = &snapshot.labels[edge.label.0 as usize];
            let Target::Key(key) = edge.target else { panic!("no key: {edge:?}") };
            (label.name.clone(), label.table.clone(), key)
        })
        .collect();
    keys.sort();
    keys
}

mod remote {
    use super::*;

    #[derive(Walk)]
    #[walk(remote = "foreign::Point")]
    struct PointDef {
        x: u64,
        names: Vec<String>,
    }

    #[derive(Walk)]
    #[walk(remote = "foreign::Private<T>", partial, rename = "Private")]
    struct PrivateDef<T> {
        seen: T,
    }

    #[derive(Walk)]
    #[walk(remote = "foreign::Event<T>")]
    enum EventDef<T> {
        None,
        Moved {
            #[walk(as = PointDef)]
            to: foreign::Point,
            #[walk(rename = "distance")]
            by: T,
        },
    }

    #[derive(Walk)]
    struct Holder<T> {
        #[walk(as = PointDef)]
        one: foreign::Point,
        #[walk(as = HashMap<_, Vec<Option<PointDef>>>)]
        many: HashMap<String, Vec<Option<foreign::Point>>>,
        #[walk(as = PrivateDef<T>)]
        private: foreign::Private<T>,
        #[walk(as = Vec<EventDef<u8>>)]
        events: Vec<foreign::Event<u8>>,
    }

    fn point() -> foreign::Point {
        foreign::Point { x: 1, names: vec!["name".into()] }
    }

    #[test]
    fn a_foreign_type_is_described_by_its_mirror() {
        let private = foreign::Private::new(Box::new(1u8));
        assert_eq!(private.sum(), 0);
        let moved = foreign::Event::Moved { to: point(), by: 1 };
        let value = Holder {
            one: point(),
            many: HashMap::from([("key".to_owned(), vec![Some(point()), None])]),
            private,
            events: vec![foreign::Event::None, moved.clone(), moved],
        };
        let snapshot = snapshot(&value);
        assert_eq!(fields(&snapshot, "foreign::Point"), [mode("x", ""), mode("names", "")]);
        assert_eq!(fields(&snapshot, "Private"), [mode("seen", "")]);
        let private = snapshot.types.iter().find(|ty| ty.name == "Private").expect("renamed");
        // A handle is payload; three numbers and what aligns them are nobody's.
        assert_eq!((private.base.payload, private.base.untyped, private.base.padding), (8, 16, 0));
        let event = snapshot.types.iter().find(|ty| ty.name.ends_with("Event<u8>")).expect("described");
        assert_eq!(event.variants[1].fields[1].name, "distance");
        // Names of four points, and the lists that hold them.
        let owning = owning_fields(&snapshot);
        assert_eq!(owning.iter().filter(|name| *name == "names").count(), 4);
        assert!(owning.contains(&"seen".to_owned()) && owning.contains(&"events".to_owned()));
        assert!(names(&snapshot).iter().all(|name| !name.contains("Def") && !name.contains("As<")));
    }
}

mod missing {
    use super::*;

    struct Foreign(Box<u32>);
    struct Number(u32);
    trait Behave {
        fn behave(&self) -> u32;
    }
    impl Behave for Foreign {
        fn behave(&self) -> u32 {
            *self.0
        }
    }

    #[derive(Walk)]
    #[walk(missing = opaque)]
    struct Lenient<'a, T> {
        walked: Vec<T>,
        owned: Vec<String>,
        foreign: Foreign,
        list: Vec<Foreign>,
        map: HashMap<String, Option<Foreign>>,
        dynamic: Box<dyn Behave + 'a>,
        behind: &'a Foreign,
        plain: Number,
        arc: Arc<Foreign>,
        #[walk(skip)]
        skipped: Foreign,
    }

    #[derive(Walk)]
    struct One {
        strict: String,
        #[walk(missing = opaque)]
        lenient: Foreign,
        #[walk(missing = opaque)]
        walked: Box<u8>,
    }

    /// Each holds the other.
    #[derive(Walk)]
    #[walk(missing = opaque)]
    struct A {
        others: Vec<B>,
        foreign: Foreign,
    }
    #[derive(Walk)]
    #[walk(missing = opaque)]
    struct B {
        others: HashMap<u8, Box<A>>,
        this: Option<Box<Self>>,
    }

    #[derive(Walk)]
    #[walk(missing = opaque)]
    struct Plain {
        foreign: Number,
        number: u32,
    }

    #[test]
    fn what_has_no_walk_is_opaque_and_all_else_is_walked() {
        let foreign = || Foreign(Box::new(1));
        let one = foreign();
        let value = Lenient {
            walked: vec![1u16],
            owned: vec!["text".into()],
            foreign: foreign(),
            list: vec![foreign()],
            map: HashMap::from([("a".into(), Some(foreign()))]),
            dynamic: Box::new(foreign()),
            behind: &one,
            plain: Number(1),
            arc: Arc::new(foreign()),
            skipped: foreign(),
        };
        let snapshot = snapshot(&value);
        assert_eq!(value.dynamic.behave(), value.plain.0);
        assert_eq!(
            fields(&snapshot, "Lenient<'_, u16>"),
            [
                mode("walked", ""),
                mode("owned", ""),
                mode("foreign", "missing"),
                mode("list", "missing"),
                mode("map", "missing"),
                mode("dynamic", "missing"),
                mode("behind", ""),
                mode("plain", "missing"),
                mode("arc", "missing"),
                mode("skipped", "skip"),
            ]
        );
        let owning = owning_fields(&snapshot);
        assert!(owning.contains(&"walked".to_owned()) && owning.contains(&"owned".to_owned()), "{owning:?}");
    }

    #[test]
    fn one_field_may_be_lenient() {
        let value = One { strict: "a".into(), lenient: Foreign(Box::new(1)), walked: Box::new(1) };
        let snapshot = snapshot(&value);
        assert_eq!(
            fields(&snapshot, "One"),
            [mode("strict", ""), mode("lenient", "missing"), mode("walked", "")]
        );
        assert_eq!(owning_fields(&snapshot), ["strict", "walked"]);
    }

    #[test]
    fn what_cannot_own_anything_is_a_leaf() {
        assert!(Plain::is_leaf());
        assert!(!A::is_leaf() && !One::is_leaf());
    }

    #[test]
    fn recursive_types_end() {
        let inner = A { others: vec![], foreign: Foreign(Box::new(1)) };
        let b = B {
            others: HashMap::from([(1, Box::new(inner))]),
            this: Some(Box::new(B { others: HashMap::new(), this: None })),
        };
        let value = A { others: vec![b], foreign: Foreign(Box::new(1)) };
        let snapshot = snapshot(&value);
        assert_eq!(fields(&snapshot, "missing::A"), [mode("others", ""), mode("foreign", "missing")]);
        assert_eq!(fields(&snapshot, "missing::B"), [mode("others", ""), mode("this", "")]);
    }
}

mod named {
    use super::*;

    #[derive(Walk)]
    #[walk(transparent)]
    struct Newtype<T>(Vec<T>, PhantomData<u8>, ());

    #[derive(Walk)]
    #[walk(rename = "Renamed")]
    enum Kind {
        #[walk(rename = "One")]
        A {
            #[walk(rename = "text")]
            a: String,
        },
        B,
    }

    mod reexported {
        pub(super) use heap_walk as walk;
    }

    #[derive(heap_walk::Walk)]
    #[walk(crate = self::reexported::walk)]
    struct Elsewhere<'a, T> {
        kind: Kind,
        newtype: Newtype<T>,
        borrowed: &'a [Kind],
    }

    #[test]
    fn a_transparent_type_is_its_field() {
        let snapshot = snapshot(&vec![Newtype(vec![Box::new(1u8)], PhantomData, ())]);
        assert!(names(&snapshot).contains(&"alloc::vec::Vec<alloc::boxed::Box<u8>>"));
        assert!(
            names(&snapshot).iter().all(|name| !name.starts_with(module_path!())),
            "{:?}",
            names(&snapshot)
        );
        assert!(Newtype::<u8>::name().ends_with("Vec<u8>"));
    }

    #[test]
    fn names_are_what_the_user_says() {
        let value = Elsewhere {
            kind: Kind::A { a: "a".into() },
            newtype: Newtype(vec![1u8], PhantomData, ()),
            borrowed: &[Kind::B],
        };
        let snapshot = snapshot(&value);
        let kind = snapshot.types.iter().find(|ty| ty.name == "Renamed").expect("renamed");
        assert_eq!(kind.variants[0].name, "One");
        assert_eq!(kind.variants[0].fields[0].name, "text");
        assert_eq!(kind.variants[1].name, "B");
        assert_eq!(owning_fields(&snapshot), ["One.text", "newtype"]);
    }
}

mod keys {
    use super::*;
    use heap_walk::Key;

    #[derive(Walk, Clone, Copy, PartialEq, Eq, Hash)]
    #[walk(key = "Body::locals")]
    struct Local(u32);

    #[derive(Walk, Clone, Copy)]
    #[walk(key)]
    struct Id<T> {
        raw: T,
        of: PhantomData<fn() -> T>,
    }

    #[derive(Walk)]
    struct Edge<K: Copy> {
        from: Local,
        to: Vec<Local>,
        #[walk(key = "Files::names")]
        file: usize,
        #[walk(key)]
        any: K,
        id: Option<Id<u16>>,
        number: u32,
    }

    #[test]
    fn keys_are_reported_where_they_stand() {
        let value = Edge {
            from: Local(1),
            to: vec![Local(2), Local(3)],
            file: 4,
            any: Id { raw: 5u8, of: PhantomData },
            id: Some(Id { raw: 6, of: PhantomData }),
            number: 7,
        };
        assert_eq!(Local(9).key() + value.any.key(), 14);
        let key = |name: &str, table: &str, key| (name.to_owned(), table.to_owned(), key);
        assert_eq!(
            keys(&snapshot(&value)),
            [
                key("", "Body::locals", 2),
                key("", "Body::locals", 3),
                key("any", "", 5),
                key("file", "Files::names", 4),
                key("from", "Body::locals", 1),
                key("id", "", 6),
            ]
        );
        // Keys are payload.
        let snapshot = snapshot(&value);
        let (_, desc) = described(&snapshot, "ways::keys::Local");
        assert_eq!((desc.base.payload, desc.base.untyped), (4, 0));
    }
}

mod references {
    use super::*;

    #[derive(Walk)]
    struct Node {
        name: String,
        size: u8,
    }

    #[derive(Walk)]
    struct Plain<'a> {
        list: Vec<&'a Node>,
    }

    #[derive(Walk)]
    struct Following<'a, T> {
        #[walk(follow)]
        list: Vec<&'a T>,
        #[walk(follow)]
        both: (u8, Option<&'a [T]>),
        #[walk(as = Vec<heap_walk::Follow>)]
        spelled: Vec<&'a T>,
    }

    /// A pointer that is a number.
    struct Hidden<'a>(usize, &'a [Node]);

    impl Hidden<'_> {
        fn node(&self) -> Option<&Node> {
            self.1.get(self.0)
        }
        fn owned(&self) -> Owned<'_, Node> {
            Owned(&self.1[self.0])
        }
    }

    #[derive(Walk)]
    struct Via<'a> {
        #[walk(via = Hidden::node)]
        seen: Hidden<'a>,
        #[walk(via = Hidden::node, follow)]
        followed: Hidden<'a>,
    }

    #[derive(Walk)]
    struct ViaOwned<'a> {
        #[walk(via = Hidden::owned)]
        owned: Hidden<'a>,
    }

    fn nodes() -> Vec<Node> {
        (0..4).map(|size| Node { name: "n".repeat(9), size }).collect()
    }

    fn edges(snapshot: &Snapshot, kind: EdgeKind) -> usize {
        snapshot.edges.iter().filter(|edge| edge.kind == kind).count()
    }

    #[test]
    fn only_what_is_followed_is_entered() {
        let nodes = nodes();
        let plain = Plain { list: nodes.iter().collect() };
        let seen = snapshot(&plain);
        assert_eq!((edges(&seen, EdgeKind::BORROW), owning_fields(&seen).len()), (4, 1));

        let list = vec![&nodes[0], &nodes[1]];
        let value = Following { list, both: (1, Some(&nodes[2..])), spelled: vec![&nodes[0]] };
        let seen = snapshot(&value);
        assert_eq!(edges(&seen, EdgeKind::BORROW), 4);
        let owned = owning_fields(&seen);
        assert_eq!(owned.iter().filter(|name| *name == "name").count(), 4, "{owned:?}");
    }

    #[test]
    fn what_is_hidden_is_found_by_a_function() {
        let nodes = nodes();
        let seen = snapshot(&Via { seen: Hidden(1, &nodes), followed: Hidden(2, &nodes) });
        assert_eq!(edges(&seen, EdgeKind::BORROW), 2);
        assert_eq!(fields(&seen, "Via<'_>"), [mode("seen", "via"), mode("followed", "via")]);
        assert_eq!(owning_fields(&seen), ["name"]);
        let seen = snapshot(&ViaOwned { owned: Hidden(1, &nodes) });
        assert_eq!(owning_fields(&seen), ["name", "owned"]);
    }
}

mod generics {
    use super::*;
    use std::cell::RefCell;

    mod inner {
        pub(super) trait Private {}
        impl Private for u8 {}
    }

    /// The bound is private to another module than the type.
    #[derive(Walk)]
    #[expect(private_bounds, reason = "what is tried here")]
    pub(super) struct PrivatelyBound<T: inner::Private> {
        list: Vec<T>,
    }

    #[derive(Walk)]
    struct Sized<'a, T: 'a, const N: usize, const FLAG: bool = true> {
        array: [Option<T>; N],
        borrowed: [&'a T; N],
        lock: Mutex<RefCell<Vec<T>>>,
    }

    #[derive(Walk)]
    enum Json<'a> {
        Null,
        Text(&'a str),
        Object(HashMap<String, Self>),
        Nested(Box<Tree<Json<'a>>>),
    }

    #[derive(Walk)]
    struct Tree<T> {
        value: Option<T>,
        forest: Forest<T>,
    }
    #[derive(Walk)]
    enum Forest<T> {
        None,
        Some(Vec<Tree<T>>, HashMap<u8, Box<Forest<T>>>),
    }

    /// The pointee's type grows without end.
    #[derive(Walk)]
    struct Growing<'a, T> {
        value: T,
        next: Option<&'a Growing<'a, (T, T)>>,
        list: Vec<&'a Growing<'a, Vec<T>>>,
    }

    #[test]
    fn they_need_no_help() {
        let (outer, lists) = (Growing { value: (1u8, 2u8), next: None, list: vec![] }, vec![]);
        snapshot(&Growing { value: 1u8, next: Some(&outer), list: lists });
        snapshot(&PrivatelyBound { list: vec![1u8] });
        let one = 1u16;
        snapshot(&Sized::<u16, 2> { array: [Some(1), None], borrowed: [&one; 2], lock: Mutex::default() });
        let object = Json::Object(HashMap::from([("a".into(), Json::Text("b")), ("c".into(), Json::Null)]));
        let forest = Forest::Some(vec![], HashMap::from([(1, Box::new(Forest::None))]));
        let snapshot = snapshot(&Json::Nested(Box::new(Tree { value: Some(object), forest })));
        let owning = owning_fields(&snapshot);
        assert!(
            owning.contains(&"Object.0".to_owned()) && owning.contains(&"Some.1".to_owned()),
            "{owning:?}"
        );
    }
}
