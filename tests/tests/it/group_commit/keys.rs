//! Keys that are asked for at the same time are looked up together, and nobody is told of another's.

use super::*;

on_both![each_key_has_a_verdict_of_its_own];

async fn each_key_has_a_verdict_of_its_own(backend: Backend) {
    let (server, _, machines) = begin(backend).await;
    let ask = |key: &str, fingerprint: &str| {
        let question = json!({"licenseKey": key, "fingerprint": fingerprint});
        async { server.post("/license-keys/validate", question).await }
    };
    for _ in 0..3 {
        let unknown = "a-key-of-nobody-at-all";
        let known = machines.iter().map(|machine| ask(&machine.key, &machine.fingerprint));
        let strangers = machines.iter().map(|machine| ask(&machine.key, "fp-nobody"));
        let nobody = machines.iter().map(|_| ask(unknown, "fp-0"));
        let (known, strangers, nobody) = tokio::join!(join_all(known), join_all(strangers), join_all(nobody));
        for (machine, reply) in machines.iter().zip(known) {
            let verdict = reply.expect(200);
            assert_eq!((&verdict["valid"], &verdict["code"]), (&json!(true), &json!("VALID")));
            assert_eq!(verdict["activationId"], machine.activation.as_str());
        }
        for reply in strangers {
            assert_eq!(reply.expect(200)["code"], "FINGERPRINT_MISMATCH");
        }
        for reply in nobody {
            assert_eq!(reply.body["valid"], false);
        }
    }
}
