// The types on which the compiler and the walk must agree: compiled twice, derived
// in the test, and without the derive (`--cfg printed`) in the crate that rustc prints.

#[cfg_attr(not(printed), derive(Walk))]
pub struct Plain {
    pub a: u8,
    pub b: u32,
    pub c: u16,
}
#[cfg_attr(not(printed), derive(Walk))]
pub struct Unit;
#[cfg_attr(not(printed), derive(Walk))]
pub struct Tuple(pub u8, pub u64, pub u8);
#[cfg_attr(not(printed), derive(Walk))]
pub struct Generic<T> {
    pub value: T,
    pub n: u8,
}
#[cfg_attr(not(printed), derive(Walk))]
pub struct Array {
    pub plain: [Plain; 3],
    pub none: [u16; 0],
    pub unit: Unit,
}
#[cfg_attr(not(printed), derive(Walk))]
pub struct Sized0 {
    pub unit: Unit,
    pub nothing: (),
    pub phantom: std::marker::PhantomData<String>,
}
#[cfg_attr(not(printed), derive(Walk))]
#[repr(C)]
pub struct Ordered {
    pub a: u8,
    pub b: u64,
    pub c: u16,
}
#[cfg_attr(not(printed), derive(Walk))]
#[repr(C, packed)]
pub struct Packed {
    pub a: u8,
    pub b: u64,
    pub c: u16,
}
#[cfg_attr(not(printed), derive(Walk))]
#[repr(align(32))]
pub struct Aligned(pub u8);

/// Tagged; the tag is as wide as the fields' alignment lets it be.
#[cfg_attr(not(printed), derive(Walk))]
pub enum Tagged {
    Nothing,
    Word(u64),
    Pair(u8, u16),
    Text(String),
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Words {
    A(u64),
    B(u64, u64),
    C,
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Bytes {
    A(u8),
    B { x: u8, y: [u8; 5] },
    C,
}
#[cfg_attr(not(printed), derive(Walk))]
#[repr(u8)]
pub enum Numbered {
    A = 3,
    B(u32),
    C { x: u8, y: u64 },
}
#[cfg_attr(not(printed), derive(Walk))]
#[repr(C)]
pub enum OrderedEnum {
    A,
    B(u32),
    C { x: u8, y: u64 },
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Bare {
    A,
    B,
    C,
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Single {
    Only(u32, u8),
}
/// In the niche of what one variant holds.
#[cfg_attr(not(printed), derive(Walk))]
pub enum Nested {
    Inner(Tagged),
    Shared(Option<Box<u8>>),
    Number(Option<u32>),
    Nothing,
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Niche {
    Some(Box<u8>, u8),
    None,
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Spacious {
    Large([u64; 6]),
    Small(u8),
    Mixed(u8, u64, u16),
}
#[cfg_attr(not(printed), derive(Walk))]
pub enum Snug {
    Mixed(u8, u64),
    Other(u8),
}

#[cfg_attr(not(printed), derive(Walk))]
pub struct All {
    pub plain: Plain,
    pub tuple: Tuple,
    pub words: Generic<u64>,
    pub texts: Generic<String>,
    pub array: Array,
    pub sized0: Sized0,
    pub ordered: Ordered,
    pub packed: Packed,
    pub aligned: Aligned,
    pub tagged: Tagged,
    pub word_enum: Words,
    pub byte_enum: Bytes,
    pub numbered: Numbered,
    pub ordered_enum: OrderedEnum,
    pub bare: Bare,
    pub single: Single,
    pub nested: Nested,
    pub niche: Niche,
    pub spacious: Spacious,
    pub snug: Snug,
    pub boxed: Option<Box<Nested>>,
    pub number: Option<u32>,
    pub result: Result<u8, String>,
    pub generic: Option<Generic<Tagged>>,
}
