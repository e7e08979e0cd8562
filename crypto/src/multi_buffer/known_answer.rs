//! A key that protects nothing, and the signature that it makes: whoever gives another one signs nothing here.

use super::{LANES, LaneKey};
use crate::rsa_keys::KeyPair;

/// Made by `openssl genrsa 2048` for this one purpose.
const KEY: &str = include_str!("known_key.pem");
const MESSAGE: &[u8] = b"Licentia signs in eight lanes";
/// By `openssl dgst -sha256 -sign`.
const SIGNATURE: &str = include_str!("known_signature.hex");

/// Whether all lanes give it.
pub(super) fn is_given(sign: impl FnOnce(&[(&LaneKey, &[u8])]) -> Vec<Option<Vec<u8>>>) -> bool {
    let key = KeyPair::from_pem(KEY).ok().and_then(|key_pair| LaneKey::of(&key_pair));
    let (Some(key), Ok(expected)) = (key, hex::decode(SIGNATURE.replace('\n', ""))) else { return false };
    let signed = sign(&[(&key, MESSAGE); LANES]);
    signed.len() == LANES && signed.iter().all(|signature| signature.as_deref() == Some(&*expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa_keys::MAX_SIGNATURE_BYTES;

    #[test]
    fn the_known_answer_is_that_of_aws_lc() {
        let key = KeyPair::from_pem(KEY).unwrap();
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let signature = key.sign_rs256(MESSAGE, &mut buffer).unwrap().to_vec();
        assert!(is_given(|messages| vec![Some(signature.clone()); messages.len()]));
    }

    #[test]
    fn one_lane_that_is_wrong_or_silent_spoils_it() {
        let key = KeyPair::from_pem(KEY).unwrap();
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let right = key.sign_rs256(MESSAGE, &mut buffer).unwrap().to_vec();
        let mut wrong = right.clone();
        wrong[255] ^= 1;
        for bad in [Some(wrong), None] {
            let mut answers = vec![Some(right.clone()); LANES];
            answers[LANES - 1] = bad;
            assert!(!is_given(|_| answers));
        }
        assert!(!is_given(|_| vec![Some(right); LANES - 1]));
    }
}
