//! Every change, seen by the next question: a token's word is compared with the judged facts.

use licentia_tests::Reply;

use super::*;

on_both![whatever_is_changed_a_token_is_worth_what_the_facts_say, a_change_of_the_defaults_concerns_all];

/// A product, and licences with their machines.
struct World {
    server: TestServer,
    shop: Shop,
    machines: Vec<Machine>,
    /// Verdicts that cost no statement.
    taken: usize,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let server = TestServer::start(backend).await;
        let shop = Shop::open(&server).await;
        let mut keys = Vec::new();
        for _ in 0..3 {
            let issued = shop.issue(&server, json!({"validDays": 100, "maxActivations": 5})).await;
            keys.push(issued["licenseKey"].as_str().unwrap().to_owned());
        }
        server.clock.advance(SETTLED);
        let mut machines = Vec::new();
        for key in &keys {
            for fingerprint in ["fp-1", "fp-2"] {
                machines.push(Machine::activate(&server, key, fingerprint).await);
            }
        }
        Self { server, shop, machines, taken: 0 }
    }

    /// Asks of every token, twice: by its word, and with every rule judged.
    async fn compare(&mut self, after: &str) {
        for machine in &self.machines {
            let mut question = json!({"token": machine.token});
            if machine.fingerprint == "fp-1" {
                question["actionType"] = json!("export");
            }
            let (taken, statements) = counted(&self.server, question.clone()).await;
            question["explain"] = json!(true);
            let mut judged = validate(&self.server, question).await;
            judged.as_object_mut().unwrap().remove("rules");
            assert_eq!(taken, judged, "after {after}");
            self.taken += usize::from(statements == 0);
        }
    }

    async fn post(&mut self, path: &str, body: Value) {
        self.server.admin_post(path, body).await.expect(200);
        self.compare(path).await;
    }

    async fn put(&mut self, path: &str, body: Value) {
        self.server.admin_put(path, body.clone()).await.expect(200);
        self.compare(&format!("{path} {body}")).await;
    }

    /// Everybody calls who still may, and what was changed is long ago.
    async fn settle(&mut self) {
        self.server.clock.advance(SETTLED);
        for machine in &mut self.machines {
            let reply = machine.try_beat(&self.server).await;
            if reply.status == 200 && reply.body["token"].is_string() {
                *machine = Machine {
                    nonce: reply.body["nonce"].as_str().unwrap().to_owned(),
                    token: reply.body["token"].as_str().unwrap().to_owned(),
                    ..machine.clone()
                };
            }
        }
        let before = self.taken;
        self.compare("a call of everybody").await;
        assert!(self.taken > before, "nothing is taken at its word");
    }
}

async fn whatever_is_changed_a_token_is_worth_what_the_facts_say(backend: Backend) {
    let mut world = World::new(backend).await;
    world.compare("nothing").await;
    licenses(&mut world).await;
    machines(&mut world).await;
    catalogue(&mut world).await;
    world.settle().await;
}

async fn licenses(world: &mut World) {
    let of = |machine: usize, world: &World| format!("/license-keys/{}", license(&world.machines[machine]));
    let (first, second, third) = (of(0, world), of(2, world), of(4, world));
    world.post(&format!("{first}/suspend"), json!({})).await;
    world.post(&format!("{first}/reinstate"), json!({})).await;
    world.settle().await;
    world.post(&format!("{first}/renew"), json!({"validDays": 10})).await;
    world.put(&second, json!({"updatesUntil": "2099-01-01T00:00:00Z"})).await;
    world.settle().await;
    world.put(&second, json!({"updatesUntil": null})).await;
    world.settle().await;
    world.put(&second, json!({"tierId": world.shop.basic.clone()})).await;
    world.settle().await;
    world.put(&second, json!({"expiresAt": null})).await;
    world.settle().await;
    let changes = json!({"remove": ["edit"]});
    let request = world.server.admin(reqwest::Method::POST, &format!("{second}/features"));
    Reply::of(request.header("if-match", "*").json(&changes)).await.expect(200);
    world.compare("features").await;
    world.settle().await;
    let former = world.machines.clone();
    world.post(&format!("{second}/regenerate"), json!({})).await;
    world.settle().await;
    let later = std::mem::replace(&mut world.machines, former);
    world.compare("a call after a token was signed afresh").await;
    world.machines = later;
    world.post(&format!("{third}/revoke"), json!({"graceHours": 1})).await;
}

async fn machines(world: &mut World) {
    let path =
        |world: &World, action| format!("/license-activations/{}/{action}", world.machines[1].activation);
    for action in ["revoke", "unblock"] {
        world.post(&path(world, action), json!({})).await;
    }
    let former = world.machines[1].clone();
    let back = Machine::activate(&world.server, &former.key, &former.fingerprint).await;
    world.compare("a return").await;
    world.machines[1] = back;
    world.settle().await;
    world.post(&path(world, "deactivate"), json!({})).await;
    let again = Machine::activate(&world.server, &former.key, &former.fingerprint).await;
    world.machines.push(again);
    world.settle().await;
}

async fn catalogue(world: &mut World) {
    let (basic, pro) =
        (format!("/pricing-tiers/{}", world.shop.basic), format!("/pricing-tiers/{}", world.shop.pro));
    world.put(&pro, json!({"features": ["care"]})).await;
    world.settle().await;
    world.put(&basic, json!({"heartbeatInterval": 600})).await;
    world.settle().await;
    world.server.clock.advance(700);
    world.compare("ten minutes without a call").await;
    world.settle().await;
    world.put(&pro, json!({"activationModel": "floating", "lease": 1_200})).await;
    world.settle().await;
    world.server.clock.advance(1_300);
    world.compare("the end of the leases").await;
    world.server.run_jobs().await;
    world.compare("the lapses").await;
    let product = world.shop.product.clone();
    let more = json!({"productId": product, "key": "late", "name": "Late", "kind": "entitlement"});
    world.server.admin_post("/product-features", more).await.expect(201);
    world.compare("another feature").await;
}

async fn a_change_of_the_defaults_concerns_all(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = settled(&server).await;
    assert_eq!(word(&server, &machine).await, from_memory());
    let _other = server.another_with(&[("TOKENS__OFFLINE_GRACE", "700000")]).await;
    server.clock.advance(1);
    verdict(&server, &machine).await;
    assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), true));
}
