//! `libcrypto_mb` (Intel's cryptography primitives, multi-buffer), loaded at run time: the one place with `unsafe`.
//!
//! What has to hold for the calls below, and where it is seen to:
//!
//! 1. A function has the type that its header (`crypto_mb/rsa.h`, `crypto_mb/version.h`) declares. A library that does not
//!    name itself `crypto_mb` 1.0 of revision 14 or later is not used ([`Library::load`]).
//! 2. The library stays loaded for as long as a function of it can be called: [`Library`] owns both, and gives none away.
//! 3. The instructions are there: the library is asked once whether it is made for this processor.
//! 4. Each array of lanes has eight places; those that are empty are null in all of them. What a lane points to is as long as
//!    the operation reads or writes: `bits / 8` bytes for messages and signatures, `bits / 128` words for the parts of the
//!    private key, `bits / 64` for the modulus ([`LaneKey`] is made so; [`Library::sign`] looks at the rest).
//! 5. The buffer is as long as the library asked for at the start, and belongs to one call at a time (`&mut`).
#![expect(unsafe_code, reason = "a C library is called here, and nowhere else")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

use zeroize::Zeroize;

use super::key::LaneKey;
use super::{LANES, MultiBufferError};
use crate::rsa_keys::{MAX_SIGNATURE_BYTES, RsaKeyBits};

/// What the library says of itself (`mbxVersion`).
#[repr(C)]
struct Version {
    major: c_int,
    minor: c_int,
    revision: c_int,
    name: *const c_char,
    build_date: *const c_char,
    text: *const c_char,
}

/// `mbx_RSA_Method`, of which nothing is known here.
type Method = *const c_void;
type GetVersion = unsafe extern "C" fn() -> *const Version;
type IsApplicable = unsafe extern "C" fn(u64) -> c_int;
type FindMethod = unsafe extern "C" fn(c_int) -> Method;
type BufferSize = unsafe extern "C" fn(Method) -> c_int;
type Messages = [*const u8; LANES];
type Results = [*mut u8; LANES];
type Numbers = [*const u64; LANES];
type PrivateOperation = unsafe extern "C" fn(
    from: *const *const u8,
    to: *const *mut u8,
    p: *const *const u64,
    q: *const *const u64,
    dp: *const *const u64,
    dq: *const *const u64,
    q_inverse: *const *const u64,
    bits: c_int,
    method: Method,
    buffer: *mut u8,
) -> u32;
type PublicOperation = unsafe extern "C" fn(
    from: *const *const u8,
    to: *const *mut u8,
    n: *const *const u64,
    bits: c_int,
    method: Method,
    buffer: *mut u8,
) -> u32;

/// A message as it is signed: padded to the length of the modulus.
pub(super) type Padded = [u8; MAX_SIGNATURE_BYTES];

/// Room for one call at a time. It has held parts of private keys, and is wiped after each.
pub struct Scratch(Vec<u64>);

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Scratch").finish_non_exhaustive()
    }
}

/// The loaded library.
#[derive(Debug)]
pub(super) struct Library {
    private: PrivateOperation,
    private_method: FindMethod,
    public: PublicOperation,
    public_method: FindMethod,
    /// In bytes, for the largest key and either operation.
    buffer: usize,
    version: String,
    /// Last: unloaded when nothing of it can be called any more.
    _loaded: libloading::Library,
}

impl Library {
    /// Loads it, by its path or by its name on the system's own paths.
    pub(super) fn load(path: &Path) -> Result<Self, MultiBufferError> {
        // SAFETY: loading runs the library's own initialisation. Which file that is an operator decides, who could
        // as well exchange the program.
        let loaded = unsafe { libloading::Library::new(path) }.map_err(|error| missing(&error))?;
        // SAFETY: (1), and (2): called only while `loaded` is here.
        let version = expect_version(unsafe { function::<GetVersion>(&loaded, c"mbx_getversion") }?)?;
        // SAFETY: (1), and (2): called only while `loaded` is here.
        let applicable = unsafe { function::<IsApplicable>(&loaded, c"mbx_is_crypto_mb_applicable") }?;
        // SAFETY: (1). Zero asks for the processor that this runs on.
        if unsafe { applicable(0) } == 0 {
            return Err(MultiBufferError::Processor);
        }
        // SAFETY: (1), and (2): the functions live in the struct that owns the library.
        let (private, private_method, public, public_method, buffer_size) = unsafe {
            (
                function::<PrivateOperation>(&loaded, c"mbx_rsa_private_crt_mb8")?,
                function::<FindMethod>(&loaded, c"mbx_RSA_private_crt_Method")?,
                function::<PublicOperation>(&loaded, c"mbx_rsa_public_mb8")?,
                function::<FindMethod>(&loaded, c"mbx_RSA_pub65537_Method")?,
                function::<BufferSize>(&loaded, c"mbx_RSA_Method_BufSize")?,
            )
        };
        let mut buffer = 0;
        for bits in [RsaKeyBits::Rsa2048, RsaKeyBits::Rsa3072, RsaKeyBits::Rsa4096] {
            for find in [private_method, public_method] {
                // SAFETY: (1); a size that is not known gives null, which is not asked for its buffer.
                let size = unsafe {
                    let method = find(c_bits(bits));
                    if method.is_null() { 0 } else { buffer_size(method) }
                };
                if size <= 0 {
                    return Err(MultiBufferError::Version(version));
                }
                buffer = buffer.max(usize::try_from(size).unwrap_or_default());
            }
        }
        Ok(Self { private, private_method, public, public_method, buffer, version, _loaded: loaded })
    }

    /// What it calls itself.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Room for its calls.
    pub(super) fn scratch(&self) -> Scratch {
        // One word more than needed: the length was asked for in bytes.
        Scratch(vec![0; self.buffer / size_of::<u64>() + 1])
    }

    /// The private operation on up to eight padded messages under keys of one size; what has no lane is not looked
    /// at. A lane's result is only worth something when [`Library::recover`] leads back to its message.
    pub(super) fn sign(
        &self,
        bits: RsaKeyBits,
        lanes: &[(&LaneKey, Padded)],
        results: &mut [Padded; LANES],
        scratch: &mut Scratch,
    ) -> bool {
        let Some(keys) = keys_of(bits, lanes) else { return false };
        let messages: Messages = lane(lanes, |(_, message)| message.as_ptr());
        let places = places(results, lanes.len());
        let number = |part: fn(&LaneKey) -> &[u64]| -> Numbers { lane(keys, |(key, _)| part(key).as_ptr()) };
        let (p, q) = (number(LaneKey::p), number(LaneKey::q));
        let (dp, dq, q_inverse) = (number(LaneKey::dp), number(LaneKey::dq), number(LaneKey::q_inverse));
        let Some(buffer) = self.room(scratch) else { return false };
        // SAFETY: (4): messages and results are as long as the largest modulus, the parts of each key as its size
        // asks for, and all keys are of the size that the method is for. (5): the length was looked at.
        unsafe {
            (self.private)(
                messages.as_ptr(),
                places.as_ptr(),
                p.as_ptr(),
                q.as_ptr(),
                dp.as_ptr(),
                dq.as_ptr(),
                q_inverse.as_ptr(),
                c_bits(bits),
                (self.private_method)(c_bits(bits)),
                buffer,
            );
        }
        scratch.0.as_mut_slice().zeroize();
        true
    }

    /// The public operation: the messages that lead to these signatures (RFC 8017 §5.2.2).
    pub(super) fn recover(
        &self,
        bits: RsaKeyBits,
        lanes: &[(&LaneKey, Padded)],
        messages: &mut [Padded; LANES],
        scratch: &mut Scratch,
    ) -> bool {
        let Some(keys) = keys_of(bits, lanes) else { return false };
        let signatures: Messages = lane(lanes, |(_, signature)| signature.as_ptr());
        let places = places(messages, lanes.len());
        let n: Numbers = lane(keys, |(key, _)| key.n().as_ptr());
        let Some(buffer) = self.room(scratch) else { return false };
        // SAFETY: as for the private operation.
        unsafe {
            (self.public)(
                signatures.as_ptr(),
                places.as_ptr(),
                n.as_ptr(),
                c_bits(bits),
                (self.public_method)(c_bits(bits)),
                buffer,
            );
        }
        true
    }

    fn room(&self, scratch: &mut Scratch) -> Option<*mut u8> {
        (scratch.0.len() * size_of::<u64>() >= self.buffer).then(|| scratch.0.as_mut_ptr().cast())
    }
}

/// The lanes, where there are no more than eight and all keys are of this size.
fn keys_of<'a, 'b>(
    bits: RsaKeyBits,
    lanes: &'a [(&'b LaneKey, Padded)],
) -> Option<&'a [(&'b LaneKey, Padded)]> {
    (lanes.len() <= LANES && lanes.iter().all(|(key, _)| key.bits() == bits)).then_some(lanes)
}

/// One pointer a lane; null where there is none.
fn lane<T, P>(lanes: &[T], pointer: impl Fn(&T) -> *const P) -> [*const P; LANES] {
    let mut pointers = [ptr::null(); LANES];
    for (place, lane) in pointers.iter_mut().zip(lanes) {
        *place = pointer(lane);
    }
    pointers
}

/// Where the results of so many lanes go; null where there is none.
fn places(results: &mut [Padded; LANES], lanes: usize) -> Results {
    let mut places = [ptr::null_mut(); LANES];
    for (place, result) in places.iter_mut().zip(results).take(lanes) {
        *place = result.as_mut_ptr();
    }
    places
}

fn c_bits(bits: RsaKeyBits) -> c_int {
    match bits {
        RsaKeyBits::Rsa2048 => 2048,
        RsaKeyBits::Rsa3072 => 3072,
        RsaKeyBits::Rsa4096 => 4096,
    }
}

/// # Safety
/// `F` is the type of the function of this name, and is not called after the library is gone.
unsafe fn function<F: Copy>(loaded: &libloading::Library, name: &CStr) -> Result<F, MultiBufferError> {
    // SAFETY: the caller's.
    unsafe { loaded.get::<F>(name) }.map(|symbol| *symbol).map_err(|error| missing(&error))
}

fn missing(error: &libloading::Error) -> MultiBufferError {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    MultiBufferError::Missing(cause)
}

fn expect_version(of: GetVersion) -> Result<String, MultiBufferError> {
    // SAFETY: (1): the function takes nothing, and gives null or a constant of the library.
    let Some(version) = (unsafe { of().as_ref() }) else {
        return Err(MultiBufferError::Version("none".to_owned()));
    };
    let number = format!("{}.{}.{}", version.major, version.minor, version.revision);
    // The numbers first: what else another interface has there nobody knows.
    if !matches!((version.major, version.minor, version.revision), (1, 0, 14..)) || version.name.is_null() {
        return Err(MultiBufferError::Version(number));
    }
    // SAFETY: (1): a constant text of the library that ends in a zero.
    match unsafe { CStr::from_ptr(version.name) } {
        name if name == c"crypto_mb" => Ok(number),
        _ => Err(MultiBufferError::Version(number)),
    }
}
