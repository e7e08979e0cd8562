//! Every route × everybody, from the route table itself: nobody gets in where he does not belong, and everybody gets in
//! where he does.

use std::collections::BTreeSet;

use licentia_tests::{Backend, Reply, TestServer, on_both};
use licentia_types::permissions::{Permission, closure};
use licentia_types::roles::Role;
use licentia_types::time::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::{key_with, make_key};
use crate::openapi::{CUSTOMERS, PUBLIC, SIGNED_IN, operations};
use crate::portal::{Account, Portal};
use crate::sessions::Person;

on_both![
    every_route_needs_its_permission_and_no_other,
    every_role_opens_what_it_may_and_nothing_else,
    a_key_that_is_worth_nothing_opens_nothing,
    a_customer_gets_in_where_he_belongs_and_nowhere_else,
];

/// Who may call a route.
enum Class {
    /// Somebody with the permission.
    Guarded(Permission),
    /// A machine that proves itself, or somebody with the permission.
    MachineOr(Permission),
    /// Any admin who signed in, and no key.
    SignedIn,
    /// A customer who signed in, and nobody else.
    Customer,
    /// Everybody.
    Public,
}

struct Route {
    name: String,
    method: Method,
    path: String,
    class: Class,
}

impl Route {
    async fn ask(&self, server: &TestServer, key: Option<&str>) -> Reply {
        let request = server.request(self.method.clone(), &self.path);
        Reply::of(match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
        .await
    }

    fn needs(&self) -> Option<Permission> {
        match self.class {
            Class::Guarded(permission) | Class::MachineOr(permission) => Some(permission),
            Class::SignedIn | Class::Customer | Class::Public => None,
        }
    }

    /// The guard let the caller in; what it asked for is another matter.
    #[track_caller]
    fn let_in(&self, who: &str, reply: &Reply) {
        // Cookies and challenges are no credentials of the guard's.
        let by_others = ["POST /api/v1/auth/refresh", "POST /api/v1/auth/totp/enroll"];
        let missing = by_others.contains(&self.name.as_str()) && reply.status == 401;
        let refused = !missing && (matches!(reply.status, 401 | 403 | 405) || reply.status >= 500);
        assert!(!refused, "{} as {who}: {}", self.name, reply.text);
    }

    #[track_caller]
    fn denied(&self, who: &str, reply: &Reply) {
        let code = reply.body["code"].as_str();
        assert_eq!(
            (reply.status, code),
            (403, Some("PERMISSION_DENIED")),
            "{} as {who}: {}",
            self.name,
            reply.text
        );
        let needs = self.needs().unwrap().as_str();
        assert!(reply.body["detail"].as_str().unwrap().ends_with(needs), "{} as {who}", self.name);
    }
}

/// Every route, classified by its security: one that is neither guarded nor known to be public is found here.
fn routes() -> Vec<Route> {
    let classified = operations().into_iter().map(|(name, operation)| {
        let security = operation["security"].as_array().cloned().unwrap_or_default();
        let needs = security.iter().find_map(|one| one["bearer"][0].as_str());
        let needs: Option<Permission> = needs.map(|name| name.parse().unwrap());
        let class = match needs {
            Some(permission) if security.contains(&json!({})) => Class::MachineOr(permission),
            Some(permission) => Class::Guarded(permission),
            None if CUSTOMERS.contains(&name.as_str()) => Class::Customer,
            None if SIGNED_IN.contains(&name.as_str()) => Class::SignedIn,
            None => {
                assert!(PUBLIC.contains(&name.as_str()), "{name} is not classified");
                Class::Public
            }
        };
        let (method, path) = name.split_once(' ').unwrap();
        // Ids that name nothing: a caller who is let in finds out, and changes nothing.
        let path = path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        Route { method: method.parse().unwrap(), path, class, name: name.clone() }
    });
    let routes: Vec<_> = classified.collect();
    assert!(routes.len() > 90, "{}", routes.len());
    routes
}

/// Documents for everybody, which caches keep, and health read none; and whoever goes may go, with whatever he has.
fn reads_credentials(route: &Route) -> bool {
    let none = ["/api/v1/openapi.json", "/api/v1/revocation/list", "/api/v1/auth/logout"];
    route.path.starts_with("/api/v1/") && !none.contains(&route.path.as_str())
}

async fn every_route_needs_its_permission_and_no_other(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut asked_for = BTreeSet::new();
    for route in routes() {
        let anonymous = route.ask(&server, None).await;
        match route.class {
            Class::Guarded(_) | Class::SignedIn | Class::Customer => {
                assert_eq!(anonymous.status, 401, "{}: {}", route.name, anonymous.text);
            }
            Class::MachineOr(_) | Class::Public => route.let_in("anonymous", &anonymous),
        }
        let Some(needs) = route.needs() else {
            continue;
        };
        asked_for.insert(needs);
        let all = Permission::ALL.iter().copied();
        let others: Vec<_> = all.filter(|one| *one != needs && one.reads() != Some(needs)).collect();
        let without = key_with(&server, &others).await;
        route.denied("everybody else", &route.ask(&server, Some(&without)).await);
        let with = key_with(&server, &[needs]).await;
        route.let_in(needs.as_str(), &route.ask(&server, Some(&with)).await);
        let wider = Permission::ALL.iter().find(|one| one.reads() == Some(needs));
        if let Some(wider) = wider {
            let with = key_with(&server, &[*wider]).await;
            route.let_in(wider.as_str(), &route.ask(&server, Some(&with)).await);
        }
    }
    assert_eq!(asked_for, Permission::ALL.iter().copied().collect(), "a permission that no route asks for");
}

async fn every_role_opens_what_it_may_and_nothing_else(backend: Backend) {
    let server = TestServer::start(backend).await;
    for role in Role::ALL {
        let permissions: Vec<_> = role.permissions().into_iter().collect();
        let may = closure(&role.permissions());
        let key = key_with(&server, &permissions).await;
        let who = role.as_str();
        let person = Person::with_role(&server, who).await;
        let mut session = person.sign_in(&server).await;
        for route in routes() {
            for (credential, is_key) in [(key.as_str(), true), (session.token.as_str(), false)] {
                let reply = route.ask(&server, Some(credential)).await;
                match route.class {
                    Class::SignedIn if is_key => {
                        assert_eq!(reply.status, 403, "{}: {}", route.name, reply.text);
                    }
                    // Whatever somebody may do: it is no customer's session.
                    Class::Customer => {
                        assert_eq!(reply.status, 403, "{} as {who}: {}", route.name, reply.text);
                    }
                    Class::Guarded(needs) | Class::MachineOr(needs) if !may.contains(&needs) => {
                        route.denied(who, &reply);
                    }
                    _ => route.let_in(who, &reply),
                }
            }
            if route.path.ends_with("/auth/logout") {
                session = person.sign_in(&server).await;
            }
        }
    }
}

async fn a_key_that_is_worth_nothing_opens_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let soon = Timestamp::from_seconds(server.context.moment().now.seconds() + 60);
    let (_, expired) = make_key(&server, Permission::ALL, Some(soon)).await;
    let (id, revoked) = make_key(&server, Permission::ALL, None).await;
    server.admin_delete(&format!("/api-keys/{id}")).await.expect(204);
    let elsewhere = json!({"name": "Elsewhere", "role": "super_admin", "ipRanges": ["192.0.2.0/24"]});
    let elsewhere = server.admin_post("/api-keys", elsewhere).await.expect(201);
    server.clock.advance(60);
    for key in [expired.as_str(), &revoked, elsewhere["secret"].as_str().unwrap()] {
        for route in routes() {
            if reads_credentials(&route) {
                let reply = route.ask(&server, Some(key)).await;
                assert_eq!(reply.status, 401, "{}: {}", route.name, reply.text);
            }
        }
    }
}

async fn a_customer_gets_in_where_he_belongs_and_nowhere_else(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let account = Account::register(server, "bob@example.com").await;
    let mut session = account.sign_in(server).await;
    for route in routes() {
        let reply = route.ask(server, Some(&session.token)).await;
        match route.class {
            Class::Guarded(_) | Class::MachineOr(_) => route.denied("a customer", &reply),
            Class::SignedIn => {
                assert_eq!(reply.status, 403, "{}: {}", route.name, reply.text);
                assert_eq!(reply.body["code"], "PERMISSION_DENIED", "{}", route.name);
            }
            Class::Customer | Class::Public => route.let_in("a customer", &reply),
        }
        if route.path.ends_with("/auth/logout") {
            session = account.sign_in(server).await;
        }
    }
}
