//! Environments in which some machines take no seat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::Environment;

/// Most environments that one tier names.
const MOST_ENVIRONMENTS: usize = 16;
/// Most machines in one of them.
const MOST_PLACES: u32 = 10_000;

/// How many machines take no seat in each environment, as one tier says it: at most 16
/// environments, 0 to 10,000 machines each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Environment, u32>", into = "BTreeMap<Environment, u32>")]
pub struct FreeEnvironments(BTreeMap<Environment, u32>);

/// Too many environments, or too many machines in one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {MOST_ENVIRONMENTS} environments with 0 to {MOST_PLACES} machines each")]
pub struct FreeEnvironmentsInvalid;

impl TryFrom<BTreeMap<Environment, u32>> for FreeEnvironments {
    type Error = FreeEnvironmentsInvalid;

    fn try_from(places: BTreeMap<Environment, u32>) -> Result<Self, FreeEnvironmentsInvalid> {
        let fits =
            places.len() <= MOST_ENVIRONMENTS && places.values().all(|machines| *machines <= MOST_PLACES);
        if fits { Ok(Self(places)) } else { Err(FreeEnvironmentsInvalid) }
    }
}

impl From<FreeEnvironments> for BTreeMap<Environment, u32> {
    fn from(environments: FreeEnvironments) -> Self {
        environments.0
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use utoipa::openapi::schema::{AdditionalProperties, Schema, Type};
    use utoipa::openapi::{ObjectBuilder, RefOr};

    impl utoipa::PartialSchema for super::FreeEnvironments {
        fn schema() -> RefOr<Schema> {
            let machines = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0))
                .maximum(Some(super::MOST_PLACES))
                .build();
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .description(Some("Machines that take no seat, by environment; at most 16."))
                .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::Object(machines)))))
                .max_properties(Some(super::MOST_ENVIRONMENTS))
                .into()
        }
    }

    impl utoipa::ToSchema for super::FreeEnvironments {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_environments_of_ten_thousand_machines_are_the_most() {
        let read = |text: &str| serde_json::from_str::<FreeEnvironments>(text);
        assert!(read(r#"{"dev": 0, "ci": 10000}"#).is_ok());
        for bad in [r#"{"ci": 10001}"#, r#"{"ci": -1}"#, r#"{"ci": null}"#, r#"{"": 1}"#, r#"["ci"]"#, "null"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        let named = |count: usize| {
            let places: BTreeMap<String, u32> = (0..count).map(|n| (format!("env-{n}"), 1)).collect();
            read(&serde_json::to_string(&places).unwrap())
        };
        assert!(named(16).is_ok());
        assert!(named(17).is_err());
    }
}
