//! The manifest of a machine: which builds it runs.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize};

use super::digests::{PublicKeyToken, Sha256};
use crate::objects::objects;
use crate::text::{AssemblyName, AssemblyVersion};

/// One part of a program, as it was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assembly {
    /// What it is called; compared exactly.
    #[cfg_attr(feature = "openapi", schema(example = "Acme.Core"))]
    pub assembly_name: AssemblyName,
    /// Its version; compared exactly.
    #[cfg_attr(feature = "openapi", schema(example = "2.4.1.0"))]
    pub version: AssemblyVersion,
    /// Digest of its bytes.
    pub sha256: Sha256,
    /// Which key gave it its strong name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_token: Option<PublicKeyToken>,
}

/// The same in a proof, where members are called as claims are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProvenAssembly {
    /// What it is called.
    pub name: AssemblyName,
    /// Its version.
    pub version: AssemblyVersion,
    /// Digest of its bytes, in lower-case hexadecimal.
    pub sha256: Sha256,
    /// Which key gave it its strong name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_token: Option<PublicKeyToken>,
}

impl From<Assembly> for ProvenAssembly {
    fn from(assembly: Assembly) -> Self {
        let Assembly { assembly_name, version, sha256, public_key_token } = assembly;
        Self { name: assembly_name, version, sha256, public_key_token }
    }
}

/// No manifest that an activation could be proven with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestInvalid {
    /// No entry, or too many.
    #[error("must be 1 to {most} assemblies; without a manifest leave it out", most = AssemblyManifest::MOST)]
    Count,
    /// Its proof would be too large.
    #[error(
        "must not take more than {most} bytes in the proof: name fewer assemblies, or by shorter names",
        most = AssemblyManifest::MOST_BYTES
    )]
    Size,
}

/// What a machine says that it runs: one to 256 builds, which together take at most 28 KB in a proof. A
/// build that stands there twice is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssemblyManifest(Vec<Assembly>);

impl AssemblyManifest {
    /// Most entries.
    pub const MOST: usize = 256;
    /// Most bytes of its builds in a proof, as JSON.
    pub const MOST_BYTES: usize = 28 * 1_024;

    /// As it was sent.
    #[must_use]
    pub fn entries(&self) -> &[Assembly] {
        &self.0
    }

    /// Each build once, in the order in which they were sent.
    fn distinct(&self) -> impl Iterator<Item = &Assembly> {
        let mut told = HashSet::new();
        self.0.iter().filter(move |one| told.insert(*one))
    }
}

impl TryFrom<Vec<Assembly>> for AssemblyManifest {
    type Error = ManifestInvalid;

    fn try_from(entries: Vec<Assembly>) -> Result<Self, ManifestInvalid> {
        if entries.is_empty() || entries.len() > Self::MOST {
            return Err(ManifestInvalid::Count);
        }
        let manifest = Self(entries);
        let proven = manifest.distinct().cloned().map(ProvenAssembly::from);
        let proven = serde_json::to_vec(&proven.collect::<Vec<_>>());
        if proven.is_ok_and(|json| json.len() <= Self::MOST_BYTES) {
            Ok(manifest)
        } else {
            Err(ManifestInvalid::Size)
        }
    }
}

impl<'de> Deserialize<'de> for AssemblyManifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        objects(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for AssemblyManifest {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ArrayBuilder::new()
            .items(utoipa::openapi::Ref::from_schema_name("Assembly"))
            .min_items(Some(1))
            .max_items(Some(Self::MOST))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for AssemblyManifest {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        use utoipa::PartialSchema;
        schemas.push((Assembly::name().into_owned(), Assembly::schema()));
        Assembly::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembly(name: &str) -> Assembly {
        Assembly {
            assembly_name: name.parse().unwrap(),
            version: "1.0".parse().unwrap(),
            sha256: "0".repeat(64).parse().unwrap(),
            public_key_token: None,
        }
    }

    fn of(names: impl IntoIterator<Item = String>) -> Result<AssemblyManifest, ManifestInvalid> {
        names.into_iter().map(|name| assembly(&name)).collect::<Vec<_>>().try_into()
    }

    #[test]
    fn a_manifest_has_some_entries_and_not_too_many() {
        let numbered = |count: usize| (0..count).map(|n| format!("a{n}"));
        assert_eq!(of([]).unwrap_err(), ManifestInvalid::Count);
        assert_eq!(of(numbered(AssemblyManifest::MOST + 1)).unwrap_err(), ManifestInvalid::Count);
        assert!(of(numbered(1)).is_ok() && of(numbered(AssemblyManifest::MOST)).is_ok());
    }

    #[test]
    fn what_would_make_a_large_proof_is_refused() {
        let long = |count: usize| (0..count).map(|n| format!("{n:0>200}"));
        assert!(of(long(90)).is_ok());
        assert_eq!(of(long(110)).unwrap_err(), ManifestInvalid::Size);
        // A quote takes two bytes.
        let quotes = |count: usize| (0..count).map(|n| format!("{n:\"<200}"));
        assert_eq!(of(quotes(90)).unwrap_err(), ManifestInvalid::Size);
    }

    #[test]
    fn a_build_that_stands_there_twice_is_one() {
        let manifest = of(["b", "a", "b"].map(str::to_owned)).unwrap();
        assert_eq!(manifest.entries().len(), 3);
        let names: Vec<String> = manifest.distinct().map(|one| one.assembly_name.to_string()).collect();
        assert_eq!(names, ["b", "a"]);
    }
}
