//! A database restored from an hour before: nobody is locked out.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, request_id};
use sea_orm::EntityTrait;
use serde_json::json;

on_both![a_restored_database_locks_nobody_out];

/// Machines that did nothing, called, called and lost the answer, or activated again after the
/// backup; all of them call on, and all get in.
async fn a_restored_database_locks_nobody_out(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": null})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut activated = Vec::new();
    for n in 0..12 {
        activated.push(Machine::activate(&server, key, &format!("fp-{n}")).await);
    }
    for machine in &mut activated {
        machine.beat(&server).await;
    }
    let backup = licentia_entity::activation::Entity::find().all(&server.context.db).await.unwrap();
    server.clock.advance(3_600);

    let mut pending = vec![None; activated.len()];
    for (n, machine) in activated.iter_mut().enumerate() {
        match n % 4 {
            0 => {}
            1 => {
                machine.beat(&server).await;
                machine.beat(&server).await;
            }
            2 => {
                machine.beat(&server).await;
                let body = machine.beat_body(Some(&request_id()));
                server.post("/license-keys/heartbeat", body.clone()).await.expect(200);
                pending[n] = Some(body);
            }
            _ => {
                *machine = Machine::activate(&server, key, &machine.fingerprint).await;
                machine.beat(&server).await;
            }
        }
    }
    restore(&server, backup).await;

    for (machine, pending) in activated.iter_mut().zip(pending) {
        if let Some(body) = pending {
            let answer = server.post("/license-keys/heartbeat", body).await.expect(200);
            answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        }
        for _ in 0..3 {
            assert!(machine.beat(&server).await["token"].is_string());
        }
    }
}

/// Puts the machines' rows back as they were.
async fn restore(server: &TestServer, rows: Vec<licentia_entity::activation::Model>) {
    use sea_orm::{ActiveModelTrait, IntoActiveModel};
    let tx = server.context.db.write(licentia_domain::database::Lane::Ordinary).await.unwrap();
    for row in rows {
        row.into_active_model().reset_all().update(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}
