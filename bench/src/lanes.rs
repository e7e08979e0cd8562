//! Signatures in lanes: whether the library is here, and what one costs beside a bare one, by the size of the key.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use licentia_crypto::multi_buffer::{LANES, MultiBuffer, WORTHWHILE};
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use serde::Serialize;

use crate::signature::BareSigner;

/// How a server signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// By aws-lc, one after another.
    OneByOne,
    /// In lanes, with keys of this size.
    Lanes(LaneBits),
}

/// The sizes of keys for which a server is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneBits {
    Rsa2048,
    Rsa3072,
}

impl LaneBits {
    pub(crate) const ALL: [Self; 2] = [Self::Rsa2048, Self::Rsa3072];

    /// The server, as it is written in figures.
    pub(crate) const fn server(self) -> &'static str {
        match self {
            Self::Rsa2048 => "lanes",
            Self::Rsa3072 => "lanes_3072",
        }
    }

    const fn bits(self) -> &'static str {
        match self {
            Self::Rsa2048 => "2048",
            Self::Rsa3072 => "3072",
        }
    }
}

impl Signing {
    /// What it is configured with.
    pub(crate) fn settings(self, library: Option<&Path>) -> Vec<(&'static str, String)> {
        let Self::Lanes(bits) = self else {
            return vec![("SIGNING__MULTI_BUFFER", "off".to_owned())];
        };
        let mut settings = vec![
            ("SIGNING__MULTI_BUFFER", "require".to_owned()),
            ("SIGNING_KEYS__BITS", bits.bits().to_owned()),
        ];
        if let Some(path) = library {
            settings.push(("SIGNING__MULTI_BUFFER_LIBRARY", path.display().to_string()));
        }
        settings
    }
}

/// What a signature costs in lanes, as a multiple of a bare one by aws-lc under a key of the same size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct LaneCost {
    pub(crate) bits: u32,
    /// By aws-lc, alone; µs.
    pub(crate) bare_us: f64,
    /// All lanes full, each signature checked.
    pub(crate) full: f64,
    /// As few lanes as are worth it.
    pub(crate) fewest: f64,
}

/// Loads the library and measures it; an error says why there are no lanes.
pub(crate) fn measure(library: Option<&PathBuf>) -> anyhow::Result<Vec<LaneCost>> {
    let lanes = MultiBuffer::load(library.map(PathBuf::as_path))?;
    let sizes = [RsaKeyBits::Rsa2048, RsaKeyBits::Rsa3072, RsaKeyBits::Rsa4096];
    sizes.into_iter().map(|bits| cost(&lanes, bits)).collect()
}

fn cost(lanes: &MultiBuffer, bits: RsaKeyBits) -> anyhow::Result<LaneCost> {
    let pair = KeyPair::generate(bits)?;
    let key = lanes.prepare(&pair).context("the lanes do not sign with a fresh key")?;
    let message = BareSigner::message();
    let mut scratch = lanes.scratch();
    let mut of = |count: usize| {
        let messages = vec![(&key, message.as_slice()); count];
        let cost = crate::signature::block_cost(|| {
            let signed = lanes.sign(&messages, &mut scratch);
            anyhow::ensure!(signed.iter().all(Option::is_some), "a signature was wrong");
            Ok(())
        })?;
        anyhow::Ok(cost / f64::from(u32::try_from(count)?))
    };
    let (full, fewest) = (of(LANES)?, of(WORTHWHILE)?);
    let bare_us = BareSigner::of(&pair)?.cost()?;
    Ok(LaneCost { bits: bits.into(), bare_us, full: full / bare_us, fewest: fewest / bare_us })
}
