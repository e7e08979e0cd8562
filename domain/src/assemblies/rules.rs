//! Which approval stands for which build.

use std::collections::HashSet;

use licentia_entity::assembly_approval::Model;
use licentia_types::assemblies::Assembly;

/// The build that an approval names.
pub(super) fn build(approval: &Model) -> Assembly {
    Assembly {
        assembly_name: approval.assembly_name.clone(),
        version: approval.version.clone(),
        sha256: approval.sha256.clone(),
        public_key_token: approval.public_key_token.clone(),
    }
}

/// Whether a machine may run `assembly` by this approval. One that names no key leaves it open who gave
/// the build its strong name.
fn covers(approval: &Model, assembly: &Assembly) -> bool {
    let same = (&approval.sha256, &approval.assembly_name, &approval.version)
        == (&assembly.sha256, &assembly.assembly_name, &assembly.version);
    let token = approval.public_key_token.as_ref();
    same && token.is_none_or(|token| assembly.public_key_token.as_ref() == Some(token))
}

/// What was approved of the builds that a machine tells, each once: a key that no approval names is left out,
/// as the machine alone says it. Otherwise the first one for which no approval stands, and its place.
pub(super) fn approved<'a>(
    told: &'a [Assembly],
    approvals: &[Model],
) -> Result<Vec<Assembly>, (usize, &'a Assembly)> {
    let mut builds = Vec::with_capacity(told.len());
    for (place, assembly) in told.iter().enumerate() {
        let standing = approvals.iter().filter(|approval| covers(approval, assembly));
        // One that names the key says more than one that leaves it open.
        let closest = standing.max_by_key(|approval| approval.public_key_token.is_some());
        builds.push(build(closest.ok_or((place, assembly))?));
    }
    let mut seen = HashSet::new();
    builds.retain(|build| seen.insert(build.clone()));
    Ok(builds)
}

/// The first one for which none of the approvals stands.
pub(super) fn first_unapproved<'a>(assemblies: &'a [Assembly], approvals: &[Model]) -> Option<&'a Assembly> {
    assemblies.iter().find(|assembly| !approvals.iter().any(|approval| covers(approval, assembly)))
}

#[cfg(test)]
mod tests {
    use licentia_types::assemblies::ApprovalSource;
    use licentia_types::ids::AssemblyApprovalId;
    use licentia_types::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn assembly(name: &str, version: &str, digit: &str, token: Option<&str>) -> Assembly {
        Assembly {
            assembly_name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            sha256: digit.repeat(64).parse().unwrap(),
            public_key_token: token.map(|token| token.parse().unwrap()),
        }
    }

    fn approval(assembly: &Assembly) -> Model {
        Model {
            id: AssemblyApprovalId::new(Uuid::from_u128(1)),
            license_id: None,
            assembly_name: assembly.assembly_name.clone(),
            version: assembly.version.clone(),
            sha256: assembly.sha256.clone(),
            public_key_token: assembly.public_key_token.clone(),
            source: ApprovalSource::Ci,
            note: None,
            approved_by: "operator".to_owned(),
            created_at: Timestamp::from_seconds(0),
            withdrawn_at: None,
        }
    }

    const ONE: &str = "b77a5c561934e089";
    const OTHER: &str = "31bf3856ad364e35";

    #[test]
    fn name_version_and_digest_have_to_be_the_same() {
        let core = assembly("Core", "1.0", "a", None);
        let approvals = [approval(&core)];
        assert_eq!(first_unapproved(&[core], &approvals), None);
        for other in [("core", "1.0", "a"), ("Core", "1.0.0", "a"), ("Core", "1.0", "b")] {
            let other = [assembly(other.0, other.1, other.2, None)];
            assert_eq!(first_unapproved(&other, &approvals), Some(&other[0]));
            assert_eq!(approved(&other, &approvals), Err((0, &other[0])));
        }
    }

    #[test]
    fn an_approval_that_names_a_key_takes_no_other() {
        let named = [approval(&assembly("Core", "1.0", "a", Some(ONE)))];
        let open = [approval(&assembly("Core", "1.0", "a", None))];
        for (token, taken) in [(Some(ONE), true), (Some(OTHER), false), (None, false)] {
            let told = [assembly("Core", "1.0", "a", token)];
            assert_eq!(first_unapproved(&told, &named).is_none(), taken, "{token:?}");
            assert_eq!(first_unapproved(&told, &open), None, "{token:?}");
        }
    }

    #[test]
    fn what_counts_is_what_was_approved() {
        let told = [Some(ONE), None, Some(OTHER)].map(|token| assembly("Core", "1.0", "a", token));
        let (open, named) = (approval(&told[1]), approval(&told[0]));
        assert_eq!(
            approved(&told, std::slice::from_ref(&open)),
            Ok(vec![told[1].clone()]),
            "once, and no key"
        );
        for approvals in [[open.clone(), named.clone()], [named.clone(), open]] {
            assert_eq!(approved(&told, &approvals), Ok(told[..2].to_vec()), "the key that was approved");
        }
        assert_eq!(approved(&told, &[named]), Err((1, &told[1])));
    }

    #[test]
    fn the_first_one_is_named() {
        let told = ["a", "b", "c"].map(|digit| assembly("Core", "1.0", digit, None));
        let approvals = [approval(&told[0])];
        assert_eq!(first_unapproved(&told, &approvals), Some(&told[1]));
        assert_eq!(first_unapproved(&told, &[]), Some(&told[0]));
        assert_eq!(approved(&told, &approvals), Err((1, &told[1])));
    }
}
