//! Proofs of activations, shown to stock verifiers that are told a proof's audience.

use super::candidates::{Candidate, token};
use super::*;
use crate::assemblies::{approve, build};

impl Scene {
    /// A proof as it is given, of a machine with two approved builds.
    pub(super) async fn proof(&self) -> String {
        let builds = [build("Acme.Core", "a"), build("Acme.Views", "b")];
        approve(&self.server, &builds).await;
        let more = json!({"assemblyManifest": builds, "hostname": "press-3", "userRef": "ann"});
        let answer = licentia_tests::try_activate(&self.server, &self.key, "proven", more).await.expect(201);
        answer["activationProof"].as_str().unwrap().to_owned()
    }
}

/// The proof with another byte at each place. The last character of a 2048-bit signature has four bits that
/// mean nothing, which not every library looks at: there it is one that says another signature.
fn changed(proof: &str) -> Vec<Candidate> {
    let other = |at: usize, byte: u8| match byte {
        b'Q' => b'g',
        _ if at + 1 == proof.len() => b'Q',
        b'A' => b'B',
        _ => b'A',
    };
    let change = |(at, byte): (usize, u8)| {
        let mut bytes = proof.as_bytes().to_vec();
        bytes[at] = other(at, byte);
        token(format!("changed at {at}"), String::from_utf8(bytes).unwrap())
    };
    proof.bytes().enumerate().map(change).collect()
}

pub(super) async fn refuses_a_proof_with_any_byte_changed(library: Library) {
    let scene = Scene::open().await;
    let proof = scene.proof().await;
    let audience = format!("urn:licentia:activation-proof:{}", scene.shop.slug);
    let good = [token("as it was issued", &proof)];
    let verdict = library.judge_for(&scene, &audience, &good).await.remove(0);
    assert!(verdict.accepted, "{}", verdict.error);
    assert_eq!(verdict.claims, claims(&proof));
    assert_eq!(verdict.claims["assemblies"][1]["sha256"], "b".repeat(64));

    let mut bad = changed(&proof);
    assert_eq!(bad.len(), proof.len());
    bad.push(token("a licence token", &scene.machine.token));
    let verdicts = library.judge_for(&scene, &audience, &bad).await;
    let taken: Vec<&str> =
        verdicts.iter().filter(|verdict| verdict.accepted).map(|verdict| verdict.name.as_str()).collect();
    assert!(taken.is_empty(), "accepted: {taken:?}");
}
