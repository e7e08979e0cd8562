//! What was claimed of a licence, beside what would be claimed now.

use licentia_types::drift::Drift;
use licentia_types::tokens::ClaimSet;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Every claim that would be another one now, by name.
pub(crate) fn between(issued: &ClaimSet, now: &ClaimSet) -> Result<Vec<Drift>, Failure> {
    let (issued, now) = (members(issued)?, members(now)?);
    let mut names: Vec<&String> = issued.keys().chain(now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    let both = names.into_iter().map(|name| Drift {
        claim: name.clone(),
        issued: value(&issued, name),
        now: value(&now, name),
    });
    Ok(both.filter(|drift| drift.issued != drift.now).collect())
}

fn members(set: &ClaimSet) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(set) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Failure::Corrupt("claim set")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(license_exp: Option<i64>, features: &[&str]) -> ClaimSet {
        let mut claims = json!({
            "iss": "http://licentia.test", "sub": "lic_01h455vb4pex5vsknk084sn02q", "aud": "acme-desk",
            "license_id": "lic_01h455vb4pex5vsknk084sn02q", "tier": "pro", "tiers": ["pro"], "features": features,
            "heartbeat_required": true, "heartbeat_interval": 86_400, "enforcement": "block"
        });
        if let Some(end) = license_exp {
            claims["license_exp"] = json!(end);
        }
        serde_json::from_value(claims).unwrap()
    }

    #[test]
    fn the_same_claims_have_no_drift() {
        assert_eq!(between(&set(Some(1), &["edit"]), &set(Some(1), &["edit"])).unwrap(), []);
    }

    #[test]
    fn every_claim_that_differs_is_told_by_name() {
        let drift = between(&set(Some(1), &["edit"]), &set(None, &["edit", "export"])).unwrap();
        let expected = [
            Drift { claim: "features".to_owned(), issued: json!(["edit"]), now: json!(["edit", "export"]) },
            Drift { claim: "license_exp".to_owned(), issued: json!(1), now: Value::Null },
        ];
        assert_eq!(drift, expected);
    }
}
