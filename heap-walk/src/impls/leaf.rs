//! What owns nothing: numbers, times, addresses of the network, descriptors,
//! states of locks, errors that are a code.

use crate::walk::Walk;

/// What all of them answer.
macro_rules! leaf_methods {
    () => {
        fn walk<'a>(&'a self, _: &mut $crate::walker::Walker<'a>) {}
        fn shape(&self) -> &'static $crate::shape::Shape {
            <Self as $crate::walk::Walk>::static_shape().0
        }
        fn describe(d: &mut $crate::shape::Describe<'_>) {
            d.leaf();
        }
        fn is_leaf() -> bool {
            true
        }
    };
}
pub(crate) use leaf_methods;

/// `Walk` for leaves: types in a list, or each with the parameters of its impl.
macro_rules! leaf {
    ($([$($param:tt)*] $ty:ty;)*) => {$(
        impl<$($param)*> $crate::walk::Walk for $ty {
            $crate::impls::leaf::leaf_methods!();
        }
    )*};
    ($($ty:ty),* $(,)?) => {
        $crate::impls::leaf::leaf! { $([] $ty;)* }
    };
}
#[allow(unused_imports, reason = "impls for other crates use it")]
pub(crate) use leaf;

leaf! {
    (), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    std::num::NonZeroU8, std::num::NonZeroU16, std::num::NonZeroU32, std::num::NonZeroU64,
    std::num::NonZeroU128, std::num::NonZeroUsize, std::num::NonZeroI8, std::num::NonZeroI16,
    std::num::NonZeroI32, std::num::NonZeroI64, std::num::NonZeroI128, std::num::NonZeroIsize,
    std::sync::atomic::AtomicBool, std::sync::atomic::AtomicU8, std::sync::atomic::AtomicU16,
    std::sync::atomic::AtomicU32, std::sync::atomic::AtomicU64, std::sync::atomic::AtomicUsize,
    std::sync::atomic::AtomicI8, std::sync::atomic::AtomicI16, std::sync::atomic::AtomicI32,
    std::sync::atomic::AtomicI64, std::sync::atomic::AtomicIsize,
    std::time::Duration, std::time::Instant, std::time::SystemTime, std::ops::RangeFull,
    std::cmp::Ordering, std::sync::atomic::Ordering, std::marker::PhantomPinned,
    std::any::TypeId, std::alloc::Layout, std::alloc::System, std::convert::Infallible,
    std::task::RawWaker, std::task::RawWakerVTable, std::hash::RandomState, std::hash::DefaultHasher, std::panic::Location<'_>,
    // Addresses of the network.
    std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddr,
    std::net::SocketAddrV4, std::net::SocketAddrV6, std::net::Shutdown,
    // Descriptors: what they stand for lies in the kernel.
    std::fs::File, std::fs::Metadata, std::fs::OpenOptions, std::fs::Permissions, std::fs::FileType,
    std::net::TcpStream, std::net::TcpListener, std::net::UdpSocket,
    std::process::Child, std::process::ChildStdin, std::process::ChildStdout,
    std::process::ChildStderr, std::process::ExitStatus, std::process::ExitCode,
    std::process::Stdio,
    // Buffers of standard streams are statics of the library.
    std::io::Stdin, std::io::Stdout, std::io::Stderr, std::io::StdinLock<'_>,
    std::io::StdoutLock<'_>, std::io::StderrLock<'_>,
    std::io::Empty, std::io::Sink, std::io::Repeat, std::io::ErrorKind, std::io::SeekFrom,
    // Words in memory that threads wait on.
    std::sync::Condvar, std::sync::Barrier, std::sync::BarrierWaitResult, std::sync::Once,
    std::sync::OnceState, std::sync::WaitTimeoutResult, std::thread::ThreadId,
    std::thread::AccessError,
    // Errors.
    std::fmt::Error, std::fmt::Alignment, std::num::ParseIntError, std::num::ParseFloatError,
    std::num::TryFromIntError, std::num::IntErrorKind, std::num::FpCategory,
    std::str::Utf8Error, std::str::ParseBoolError, std::char::ParseCharError,
    std::char::CharTryFromError, std::char::TryFromCharError,
    std::array::TryFromSliceError, std::cell::BorrowError, std::cell::BorrowMutError,
    std::net::AddrParseError, std::ffi::FromBytesWithNulError, std::ffi::FromBytesUntilNulError,
    std::collections::TryReserveError, std::alloc::LayoutError, std::time::SystemTimeError,
    std::time::TryFromFloatSecsError, std::sync::mpsc::RecvError, std::sync::mpsc::TryRecvError,
    std::sync::mpsc::RecvTimeoutError,
}

#[cfg(unix)]
leaf! {
    std::os::fd::OwnedFd, std::os::fd::BorrowedFd<'_>, std::os::unix::net::UnixStream,
    std::os::unix::net::UnixListener, std::os::unix::net::UnixDatagram,
    std::os::unix::net::SocketAddr,
}

impl<T: ?Sized> Walk for std::marker::PhantomData<T> {
    leaf_methods!();
}

impl<H> Walk for std::hash::BuildHasherDefault<H> {
    leaf_methods!();
}

impl<T> Walk for std::mem::Discriminant<T> {
    leaf_methods!();
}

impl<T> Walk for std::future::Pending<T> {
    leaf_methods!();
}

impl<T> Walk for std::thread::LocalKey<T> {
    leaf_methods!();
}
