//! What machines' calls are counted by.

use licentia_types::activations::ActivateRequest;
use licentia_types::heartbeats::HeartbeatRequest;
use licentia_types::validation::ValidateRequest;
use zeroize::Zeroizing;

use super::Rule;
use crate::body::Body;

/// A longer text is no licence key.
const LONGEST_KEY: usize = 512;

/// A call that has a limit of its own.
pub(crate) trait Named {
    /// Which limit.
    fn rule(&self) -> Rule;

    /// What it names.
    fn subject(&self) -> Zeroizing<Vec<u8>>;
}

impl Named for Body<ActivateRequest> {
    fn rule(&self) -> Rule {
        Rule::Activate
    }

    fn subject(&self) -> Zeroizing<Vec<u8>> {
        of_key(self.0.license_key.expose())
    }
}

impl Named for Body<ValidateRequest> {
    fn rule(&self) -> Rule {
        Rule::Validate
    }

    fn subject(&self) -> Zeroizing<Vec<u8>> {
        match (&self.0.license_key, &self.0.token) {
            (Some(key), _) => of_key(key.expose()),
            (None, Some(token)) => Zeroizing::new(token.expose().as_bytes().to_vec()),
            (None, None) => Zeroizing::default(),
        }
    }
}

impl Named for Body<HeartbeatRequest> {
    fn rule(&self) -> Rule {
        Rule::Heartbeat
    }

    fn subject(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.activation_id.to_string().into_bytes())
    }
}

/// The same for every spelling under which a key is found, and maybe for a few keys that look alike: letters and
/// digits count, in either case, O as 0, I and L as 1.
fn of_key(text: &str) -> Zeroizing<Vec<u8>> {
    let mut spelling = Zeroizing::new(Vec::with_capacity(LONGEST_KEY + 4));
    let symbols = text.chars().filter(|symbol| symbol.is_alphanumeric());
    for symbol in symbols {
        if spelling.len() >= LONGEST_KEY {
            break;
        }
        let folded = match symbol.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        spelling.extend_from_slice(folded.encode_utf8(&mut [0; 4]).as_bytes());
    }
    spelling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_key_are_one_key() {
        let key = of_key("DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S");
        for spelling in [
            " demo-4k7q2-9xwtb-0m3hn-v5zrc-8gj1s\n",
            "DEMO 4K7Q2 9XWTB OM3HN V5ZRC 8GJIS",
            "demo–4k7q2–9xwtb–om3hn–v5zrc–8gjls",
        ] {
            assert_eq!(of_key(spelling), key, "{spelling}");
        }
        assert_ne!(of_key("DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ2S"), key);
    }

    #[test]
    fn endless_keys_are_cut() {
        assert!(of_key(&"é".repeat(60_000)).len() <= LONGEST_KEY + 1);
    }
}
