//! Every route of customers × two of them, from the route table itself: what is one's is not there for the other.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::bounds::{Kind, filled};
use crate::openapi::{CUSTOMERS, operations};
use crate::portal::{Estate, Portal};
use crate::sessions::Session;

on_both![
    what_is_anothers_is_as_what_is_not_there,
    what_is_his_is_there,
    nothing_of_another_stands_in_any_answer,
    a_licence_that_changes_hands_takes_nothing_of_its_former_owner_along,
];

struct Route {
    name: String,
    method: Method,
    /// Under `/api/v1`.
    template: String,
    body: Value,
}

fn routes() -> Vec<Route> {
    let route = |(name, operation): (String, Value)| {
        let (method, path) = name.split_once(' ').unwrap();
        let template = path.strip_prefix("/api/v1").unwrap().to_owned();
        let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
        Route { method: method.parse().unwrap(), template, body, name: name.clone() }
    };
    let own = operations().into_iter().filter(|(name, _)| CUSTOMERS.contains(&name.as_str()));
    own.map(route).collect()
}

/// Those that name something by its id.
fn by_id() -> Vec<(Route, Kind)> {
    let named = |route: Route| Kind::of(&route.template).map(|kind| (route, kind));
    let named: Vec<_> = routes().into_iter().filter_map(named).collect();
    assert!(named.len() >= 8, "{}", named.len());
    named
}

impl Route {
    async fn ask(&self, server: &TestServer, session: &Session, path: &str) -> Reply {
        session.send(server, self.method.clone(), path, self.body.clone()).await
    }
}

/// All that a customer can read of what is his, and what the vendor sees of it.
async fn state(server: &TestServer, estate: &Estate) -> Vec<(String, Value)> {
    let mut state = Vec::new();
    for route in routes().into_iter().filter(|route| route.method == Method::GET) {
        let path = estate.path_of(&route.template);
        state.push((path.clone(), estate.session.get(server, &path).await.expect(200)));
    }
    let license = format!("/license-keys/{}", estate.license);
    state.push((license.clone(), server.admin_get(&license).await.expect(200)));
    state
}

async fn what_is_anothers_is_as_what_is_not_there(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (mine, other) = (portal.estate("north").await, portal.estate("south").await);
    let server = &portal.server;
    let before = state(server, &other).await;
    for (route, kind) in by_id() {
        let nothing = filled(&route.template, kind.nothing(), "file_01h455vb4pex5vsknk084sn02q");
        let foreign = route.ask(server, &mine.session, &other.path_of(&route.template)).await;
        let nothing = route.ask(server, &mine.session, &nothing).await;
        let told = |reply: &Reply| (reply.status, reply.body["code"].clone(), reply.body["detail"].clone());
        assert_eq!(told(&foreign), told(&nothing), "{}: {}", route.name, foreign.text);
        assert_eq!((foreign.status, &foreign.body["code"]), (404, &json!("NOT_FOUND")), "{}", route.name);
    }
    // One's own licence does not lead to another's file.
    let path = format!("/user/licenses/{}/files/{}", mine.license, other.file);
    mine.session.get(server, &path).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(state(server, &other).await, before);
}

async fn what_is_his_is_there(backend: Backend) {
    let portal = Portal::open(backend).await;
    let mine = portal.estate("north").await;
    for (route, _) in by_id() {
        let reply = route.ask(&portal.server, &mine.session, &mine.path_of(&route.template)).await;
        assert!(matches!(reply.status, 200 | 201 | 409), "{}: {}", route.name, reply.text);
    }
}

async fn nothing_of_another_stands_in_any_answer(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (mine, other) = (portal.estate("north").await, portal.estate("south").await);
    let server = &portal.server;
    for route in routes() {
        let path = mine.path_of(&route.template);
        let searched = ["", "?q=south", "?limit=200"].map(|query| format!("{path}{query}"));
        let list = route.method == Method::GET && Kind::of(&route.template).is_none();
        for path in searched.iter().take(if list { 3 } else { 1 }) {
            let reply = route.ask(server, &mine.session, path).await;
            for mark in other.marks() {
                assert!(!reply.text.contains(mark), "{} tells {mark}: {}", route.name, reply.text);
            }
        }
    }
    // What the vendor notes down is not told, and not found either.
    let listed = mine.session.get(server, "/user/licenses").await;
    assert_eq!(listed.body["total"], 2, "{}", listed.text);
    assert!(!listed.text.contains("notes"), "{}", listed.text);
    let searched = mine.session.get(server, "/user/licenses?q=notes").await.expect(200);
    assert_eq!(searched["items"], json!([]));
    let key = other.license_key.as_str();
    let filtered = format!("/user/activations?licenseId={}", other.license);
    assert_eq!(mine.session.get(server, &filtered).await.expect(200)["items"], json!([]), "{key}");
}

async fn a_licence_that_changes_hands_takes_nothing_of_its_former_owner_along(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (former, new) = (portal.estate("north").await, portal.estate("south").await);
    let server = &portal.server;
    let idle = licentia_tests::Machine::activate(server, &former.license_key, "north-idle").await;
    let release = format!("/user/activations/{}/release", idle.activation);
    former.session.send(server, Method::POST, &release, Value::Null).await.expect(200);
    server.clock.advance(60);
    let transfer = format!("/license-keys/{}/transfer", former.license);
    server.admin_post(&transfer, json!({"customerId": new.account.customer})).await.expect(200);
    for path in
        [format!("/user/licenses/{}", former.license), format!("/user/licenses/{}/files", former.license)]
    {
        former.session.get(server, &path).await.expect_problem(404, "NOT_FOUND");
    }
    // The files name their licensee.
    let files = format!("/user/licenses/{}/files", former.license);
    assert_eq!(new.session.get(server, &files).await.expect(200)["items"], json!([]));
    let file = format!("{files}/{}", former.file);
    new.session.get(server, &file).await.expect_problem(404, "NOT_FOUND");
    // Machines that run on are his now; those that are gone are nobody's business.
    let machines = format!("/user/activations?licenseId={}", former.license);
    let machines = new.session.get(server, &machines).await;
    assert!(machines.text.contains(&former.machine.activation), "{}", machines.text);
    assert!(!machines.text.contains(&idle.activation), "{}", machines.text);
}
