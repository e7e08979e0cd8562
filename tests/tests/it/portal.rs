//! Customers who register, sign in and look after what is their own.

use licentia_crypto::sealing::Place;
use licentia_domain::database::Lane;
use licentia_domain::jobs::Job;
use licentia_entity::{customer_account, mail};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, try_activate};
use reqwest::Method;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QueryOrder};
use serde_json::{Value, json};

use crate::access::bounds::{Kind, filled};
use crate::activation_claims::approve_first;
use crate::sessions::{PASSWORD, Person, Session};

mod claiming;
mod codes;
mod journey;
mod letters;
mod machines;
mod owners;
mod passwords;
mod registering;
mod standing;

/// A server that writes letters, which nobody takes: they lie in the outbox.
pub(crate) struct Portal {
    pub(crate) server: TestServer,
    shop: Shop,
    /// Whose licences' first machines wait.
    waiting: Shop,
}

/// A letter as it waits in the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) template: String,
    pub(crate) values: Value,
}

/// Letters in the order in which they were written. Whatever was asked for is answered first.
pub(crate) async fn letters(server: &TestServer) -> Vec<Letter> {
    for job in [Job::Accounts, Job::WriteMail] {
        licentia_domain::jobs::run(&server.context, job).await.unwrap();
    }
    let rows = mail::Entity::find().order_by_asc(mail::Column::Id).all(&server.context.db).await.unwrap();
    let read = |row: mail::Model| {
        let id = row.id.to_string();
        let place = Place { table: "mail", column: "letter", row: &id };
        let text = server.context.kek.open(place, &row.letter.unwrap()).unwrap();
        Letter {
            to: row.recipient.to_string(),
            template: row.template.as_str().to_owned(),
            values: serde_json::from_slice(&text).unwrap(),
        }
    };
    rows.into_iter().map(read).collect()
}

/// A member of the last letter of this kind to somebody.
pub(crate) async fn last_letter(server: &TestServer, to: &str, template: &str, member: &str) -> String {
    let letters = letters(server).await;
    let of_kind = |letter: &&Letter| letter.to.eq_ignore_ascii_case(to) && letter.template == template;
    let last = letters.iter().rfind(of_kind).unwrap_or_else(|| panic!("no {template} in {letters:?}"));
    last.values[member].as_str().unwrap().to_owned()
}

pub(crate) async fn register(server: &TestServer, email: &str) -> Reply {
    server.post("/register", json!({"email": email, "name": "Somebody"})).await
}

/// The token by which somebody confirms who registers now.
pub(crate) async fn registration_token(server: &TestServer, email: &str) -> String {
    assert_eq!(register(server, email).await.status, 202);
    last_letter(server, email, "mail_confirmation", "token").await
}

pub(crate) async fn confirm(server: &TestServer, token: &str) -> Reply {
    server.post("/register/confirm", json!({"token": token, "password": PASSWORD})).await
}

/// A customer with an account.
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) customer: String,
}

impl Account {
    pub(crate) async fn register(server: &TestServer, email: &str) -> Self {
        let token = registration_token(server, email).await;
        let session = Session::of(&confirm(server, &token).await);
        let me = session.get(server, "/user").await.expect(200);
        assert_eq!(me["email"], email);
        Self { email: email.to_owned(), customer: me["customerId"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn login(&self, server: &TestServer) -> Reply {
        server.post("/auth/login", json!({"email": self.email, "password": PASSWORD})).await
    }

    pub(crate) async fn sign_in(&self, server: &TestServer) -> Session {
        let reply = self.login(server).await;
        assert_eq!(reply.body["status"], "signed_in", "{}", reply.text);
        Session::of(&reply)
    }
}

/// An account of a customer whom the vendor made, as if he had registered where this server sends no letters.
pub(crate) async fn give_account(server: &TestServer, customer: &str, email: &str) {
    let now = server.context.moment().now;
    let account = customer_account::Model {
        customer_id: customer.parse().unwrap(),
        email: email.parse().unwrap(),
        email_folded: email.to_owned(),
        password_hash: None,
        credentials_version: 1,
        confirmed_at: now,
        last_login_at: None,
        disabled_at: None,
        exported_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    account.into_active_model().reset_all().insert(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

impl Portal {
    pub(crate) async fn open(backend: Backend) -> Self {
        Self::open_with(backend, &[]).await
    }

    /// The same, with some configuration.
    pub(crate) async fn open_with(backend: Backend, more: &[(&str, &str)]) -> Self {
        let settings = crate::mail::settings(&crate::mail::nobody_there(), more);
        let server = TestServer::start_with(backend, &crate::mail::borrowed(&settings)).await;
        let (shop, waiting) = (Shop::open(&server).await, Shop::named(&server, "acme-waits").await);
        approve_first(&server, &waiting).await;
        Self { server, shop, waiting }
    }

    /// A customer with everything that can be his. It is called after `name`, which stands in nothing else.
    pub(crate) async fn estate(&self, name: &str) -> Estate {
        let server = &self.server;
        let account = Account::register(server, &format!("{name}@example.com")).await;
        let session = account.sign_in(server).await;
        let own =
            json!({"customerId": account.customer, "maxActivations": 9, "notes": format!("{name} notes")});
        let issued = self.shop.issue(server, own.clone()).await;
        let text = |value: &Value, member: &str| value[member].as_str().unwrap().to_owned();
        let (license, license_key) = (text(&issued, "id"), text(&issued, "licenseKey"));
        let told = json!({"hostname": format!("{name}-host"), "userRef": format!("{name}-user")});
        let machine = Machine::activate_with(server, &license_key, &format!("{name}-fp"), told).await;
        let file = json!({"fingerprint": format!("{name}-offline"), "hostname": format!("{name}-press")});
        let path = format!("/user/licenses/{license}/checkout");
        let file = session.send(server, Method::POST, &path, file).await.expect(201);
        let waits = self.waiting.issue(server, own).await;
        let waits_with = text(&waits, "licenseKey");
        let claim = try_activate(server, &waits_with, &format!("{name}-waits"), json!({})).await.expect(202);
        let (file, claim) = (text(&file, "id"), text(&claim["claim"], "id"));
        Estate { name: name.to_owned(), account, session, license, license_key, machine, file, claim }
    }

    /// Somebody who administers: on an instance without letters, so that his token is shown.
    pub(crate) async fn admin(&self, role: &str) -> Person {
        Person::with_role(&self.server.another().await, role).await
    }

    /// An unclaimed licence.
    pub(crate) async fn unclaimed(&self, more: Value) -> (String, String) {
        let issued = self.shop.issue(&self.server, more).await;
        let text = |member: &str| issued[member].as_str().unwrap().to_owned();
        (text("id"), text("licenseKey"))
    }
}

/// What is a customer's own.
pub(crate) struct Estate {
    pub(crate) name: String,
    pub(crate) account: Account,
    pub(crate) session: Session,
    pub(crate) license: String,
    pub(crate) license_key: String,
    pub(crate) machine: Machine,
    pub(crate) file: String,
    pub(crate) claim: String,
}

impl Estate {
    /// The path with ids of what is his.
    pub(crate) fn path_of(&self, template: &str) -> String {
        let id = match Kind::of(template) {
            Some(Kind::License) => &self.license,
            Some(Kind::Activation) => &self.machine.activation,
            Some(Kind::Claim) => &self.claim,
            Some(other) => panic!("{other:?} is no customer's"),
            None => return template.to_owned(),
        };
        filled(template, id, &self.file)
    }

    pub(crate) async fn claim(&self, server: &TestServer, key: &str) -> Reply {
        claim(server, &self.session, key).await
    }

    /// Whatever must not be seen by others: ids, names, keys.
    pub(crate) fn marks(&self) -> [&str; 7] {
        let Self { name, account, license, machine, file, claim, .. } = self;
        [name, &account.customer, license, &machine.activation, &machine.key, file, claim]
    }
}

pub(crate) async fn claim(server: &TestServer, session: &Session, key: &str) -> Reply {
    session.send(server, Method::POST, "/user/claim-license", json!({"licenseKey": key})).await
}
