//! Changing a licence's own features bit by bit: a pure function of what it has and what is asked.

use licentia_types::change::Change;
use licentia_types::licenses::{ChangeFeaturesRequest, FeatureOverrides};
use licentia_types::text::Key;

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// A frozen set (or none any more), and more beside it.
    Mixed,
    /// Granted and taken away at once.
    Both(Key),
}

/// What a licence has afterwards. What is `archived` can be let go of, and no more: there is nothing
/// to keep from it.
pub(super) fn changed(
    has: FeatureOverrides,
    change: ChangeFeaturesRequest,
    archived: impl Fn(&Key) -> bool,
) -> Result<FeatureOverrides, Contradiction> {
    let ChangeFeaturesRequest { add, remove, set, values } = change;
    let beside = !add.is_empty() || !remove.is_empty();
    if beside && set != Change::Keep || set == Change::Clear && !values.is_empty() {
        return Err(Contradiction::Mixed);
    }
    let has_value = |key: &Key| values.get(key).is_some_and(Option::is_some);
    if let Some(key) = remove.iter().find(|key| add.contains(*key) || has_value(key)) {
        return Err(Contradiction::Both(key.clone()));
    }
    let mut after = match set {
        Change::Keep => has,
        Change::Clear => return Ok(FeatureOverrides::default()),
        Change::Set(keys) => {
            let values = has.values.into_iter().filter(|(key, _)| keys.contains(key)).collect();
            FeatureOverrides { set: Some(keys), values, ..FeatureOverrides::default() }
        }
    };
    for key in add {
        allow(&mut after, &key);
        if after.set.is_none() {
            after.add.insert(key);
        }
    }
    for key in remove {
        let_go(&mut after, &key);
        if after.set.is_none() && !archived(&key) {
            after.remove.insert(key);
        }
    }
    for (key, value) in values {
        let Some(value) = value else {
            after.values.remove(&key);
            continue;
        };
        allow(&mut after, &key);
        after.values.insert(key, value);
    }
    Ok(after)
}

/// Joins a frozen set; else, is not taken away any more.
fn allow(overrides: &mut FeatureOverrides, key: &Key) {
    if let Some(frozen) = &mut overrides.set {
        frozen.insert(key.clone());
    } else {
        overrides.remove.remove(key);
    }
}

/// It is not granted here any more.
fn let_go(overrides: &mut FeatureOverrides, key: &Key) {
    overrides.values.remove(key);
    overrides.add.remove(key);
    if let Some(frozen) = &mut overrides.set {
        frozen.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn change(has: Value, change: Value) -> Result<Value, Contradiction> {
        let has = serde_json::from_value(has).unwrap();
        let archived = |key: &Key| key.as_str() == "gone";
        let after = changed(has, serde_json::from_value(change).unwrap(), archived)?;
        Ok(serde_json::to_value(after).unwrap())
    }

    #[test]
    fn additions_and_removals_merge_with_what_is_there() {
        let has = json!({"add": ["a"], "remove": ["b"], "values": {"n": 3}});
        assert_eq!(
            change(has.clone(), json!({"add": ["c"]})),
            Ok(json!({"add": ["a", "c"], "remove": ["b"], "values": {"n": 3}}))
        );
        assert_eq!(
            change(has.clone(), json!({"add": ["b"], "remove": ["a", "n"]})),
            Ok(json!({"add": ["b"], "remove": ["a", "n"]}))
        );
        assert_eq!(change(has.clone(), json!({})), Ok(has));
    }

    #[test]
    fn a_frozen_set_takes_them_too() {
        let has = json!({"set": ["a", "n"], "values": {"n": 3}});
        assert_eq!(
            change(has.clone(), json!({"add": ["b"], "remove": ["n"]})),
            Ok(json!({"set": ["a", "b"]}))
        );
        assert_eq!(
            change(has.clone(), json!({"values": {"m": 1, "n": null}})),
            Ok(json!({"set": ["a", "m", "n"], "values": {"m": 1}}))
        );
        assert_eq!(change(has, json!({"set": null})), Ok(json!({})));
        assert_eq!(
            change(json!({"add": ["a"], "values": {"n": 3, "m": 1}}), json!({"set": ["n"]})),
            Ok(json!({"set": ["n"], "values": {"n": 3}}))
        );
    }

    #[test]
    fn a_value_grants_its_feature_again() {
        assert_eq!(
            change(json!({"remove": ["n"]}), json!({"values": {"n": 5}})),
            Ok(json!({"values": {"n": 5}}))
        );
    }

    #[test]
    fn of_what_is_archived_nothing_is_left_when_it_is_removed() {
        let has = json!({"add": ["a", "gone"], "values": {"gone": 5}});
        assert_eq!(change(has, json!({"remove": ["a", "gone"]})), Ok(json!({"remove": ["a"]})));
        assert_eq!(change(json!({}), json!({"remove": ["gone"]})), Ok(json!({})));
        assert_eq!(
            change(json!({"set": ["a", "gone"]}), json!({"remove": ["gone"]})),
            Ok(json!({"set": ["a"]}))
        );
    }

    #[test]
    fn contradictions_are_refused() {
        let key: Key = "a".parse().unwrap();
        let both = Err(Contradiction::Both(key));
        assert_eq!(change(json!({}), json!({"add": ["a"], "remove": ["a"]})), both);
        assert_eq!(change(json!({}), json!({"remove": ["a"], "values": {"a": 1}})), both);
        for mixed in [
            json!({"set": ["a"], "add": ["b"]}),
            json!({"set": null, "remove": ["b"]}),
            json!({"set": null, "values": {"n": 1}}),
        ] {
            assert_eq!(change(json!({}), mixed), Err(Contradiction::Mixed));
        }
    }
}
