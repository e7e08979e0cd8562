//! Every route × in and out of the group, from the route table itself: within his groups somebody gets what anybody with
//! the permission gets, and what is outside is not there.

use std::collections::{BTreeMap, BTreeSet};

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::groups::{Market, Realm, call, get};
use crate::openapi::{CUSTOMERS, operations};

on_both![
    what_is_outside_is_as_what_is_not_there,
    what_is_inside_is_as_for_everybody_with_the_permission,
    what_concerns_everybody_needs_a_principal_without_groups,
];

/// What an id in a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Group,
    ApiKey,
    Customer,
    License,
    Activation,
    Claim,
    Approval,
    Import,
    Admin,
    Session,
    /// Catalogue, keys, roles, letters: everybody's.
    Product,
    Tier,
    Feature,
    SigningKey,
    Role,
    Mail,
}

impl Kind {
    /// By the beginning of the path: a route of something new has to say what it is of.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let kinds = [
            ("/groups/", Self::Group),
            ("/api-keys/", Self::ApiKey),
            ("/customers/", Self::Customer),
            ("/license-keys/", Self::License),
            ("/license-activations/", Self::Activation),
            ("/activation-claims/", Self::Claim),
            ("/assembly-whitelist/", Self::Approval),
            ("/imports/", Self::Import),
            ("/admins/", Self::Admin),
            ("/sessions/", Self::Session),
            ("/products/", Self::Product),
            ("/pricing-tiers/", Self::Tier),
            ("/product-features/", Self::Feature),
            ("/signing-keys/", Self::SigningKey),
            ("/roles/", Self::Role),
            ("/user/licenses/", Self::License),
            ("/user/activations/", Self::Activation),
            ("/user/activation-claims/", Self::Claim),
            ("/mails/", Self::Mail),
        ];
        if !path.contains('{') {
            return None;
        }
        let known = kinds.into_iter().find(|(prefix, _)| path.starts_with(prefix));
        Some(known.unwrap_or_else(|| panic!("{path} is not classified")).1)
    }

    const fn is_within_groups(self) -> bool {
        !matches!(
            self,
            Self::Product | Self::Tier | Self::Feature | Self::SigningKey | Self::Role | Self::Mail
        )
    }

    pub(crate) const fn nothing(self) -> &'static str {
        match self {
            Self::Group => "grp_01h455vb4pex5vsknk084sn02q",
            Self::ApiKey => "key_01h455vb4pex5vsknk084sn02q",
            Self::Customer => "cus_01h455vb4pex5vsknk084sn02q",
            Self::License => "lic_01h455vb4pex5vsknk084sn02q",
            Self::Activation => "act_01h455vb4pex5vsknk084sn02q",
            Self::Claim => "acl_01h455vb4pex5vsknk084sn02q",
            Self::Approval => "asm_01h455vb4pex5vsknk084sn02q",
            Self::Import => "imp_01h455vb4pex5vsknk084sn02q",
            Self::Admin => "adm_01h455vb4pex5vsknk084sn02q",
            Self::Session => "ses_01h455vb4pex5vsknk084sn02q",
            Self::Product => "prod_01h455vb4pex5vsknk084sn02q",
            Self::Tier => "tier_01h455vb4pex5vsknk084sn02q",
            Self::Feature => "feat_01h455vb4pex5vsknk084sn02q",
            Self::Mail => "mail_01h455vb4pex5vsknk084sn02q",
            Self::SigningKey | Self::Role => "nothing",
        }
    }
}

/// Ids by what they name, and the file of the licence.
pub(crate) struct Ids {
    by_kind: BTreeMap<Kind, String>,
    file: String,
}

/// Those of a realm, and of what everybody shares.
pub(crate) fn ids_in(market: &Market, realm: &Realm) -> Ids {
    let by_kind = [
        (Kind::Group, &realm.group),
        (Kind::ApiKey, &realm.api_key),
        (Kind::Customer, &realm.customer),
        (Kind::License, &realm.license),
        (Kind::Activation, &realm.machine.activation),
        (Kind::Claim, &realm.claim),
        (Kind::Approval, &realm.approval),
        (Kind::Import, &realm.import),
        (Kind::Admin, &realm.admin),
        (Kind::Session, &realm.session),
        (Kind::Product, &market.shop.product),
        (Kind::Tier, &market.shop.pro),
    ];
    let mut by_kind: BTreeMap<Kind, String> = by_kind.map(|(kind, id)| (kind, id.clone())).into();
    by_kind.insert(Kind::Role, "viewer".to_owned());
    Ids { by_kind, file: realm.file.clone() }
}

/// The path with ids in it; none where there is nothing of its kind to name.
pub(crate) fn path_of(path: &str, ids: &Ids) -> Option<String> {
    let Some(kind) = Kind::of(path) else { return Some(path.to_owned()) };
    let id = ids.by_kind.get(&kind)?;
    Some(filled(path, id, &ids.file))
}

pub(crate) fn filled(path: &str, id: &str, file: &str) -> String {
    let part = |part: &str| match part {
        "{fileId}" => file.to_owned(),
        part if part.starts_with('{') => id.to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// An operation of the API.
struct Route {
    name: String,
    method: Method,
    path: String,
    /// Guarded by a permission; else everybody's.
    guarded: bool,
    /// For principals without groups, as its description says.
    unbounded: bool,
    body: Value,
}

fn routes() -> Vec<Route> {
    let route = |(name, operation): (String, Value)| {
        let (method, path) = name.split_once(' ').unwrap();
        let path = path.strip_prefix("/api/v1")?.to_owned();
        let description = operation["description"].as_str().unwrap_or_default();
        let unbounded = description.contains("Needs a principal without groups.");
        assert_eq!(unbounded, operation["x-without-groups"] == true, "{name}");
        let body = body(&path, &operation["requestBody"]["content"]["application/json"]["example"]);
        let guarded = operation["security"].is_array() && !CUSTOMERS.contains(&name.as_str());
        Some(Route { method: method.parse().unwrap(), path, guarded, unbounded, body, name })
    };
    operations().into_iter().filter_map(route).collect()
}

/// As the document shows it, but for what names things that are not here.
fn body(path: &str, example: &Value) -> Value {
    match path.rsplit('/').next().unwrap() {
        "checkout" => json!({"fingerprint": "bounds"}),
        "transfer" => json!({"customer": {"name": "Somebody else"}}),
        "features" => json!({"add": ["api"]}),
        "renew" => json!({"validDays": 30}),
        "rotate-key" => json!({}),
        _ if path == "/admins/{id}" => json!({"name": "Renamed"}),
        _ if path == "/api-keys/{id}" => json!({"name": "Renamed"}),
        _ if example.is_null() => json!({}),
        _ => example.clone(),
    }
}

impl Route {
    /// Asked by its id, within the groups of a realm.
    fn kind(&self) -> Option<Kind> {
        let bounded = self.guarded && !self.unbounded;
        Kind::of(&self.path).filter(|kind| bounded && kind.is_within_groups())
    }

    async fn ask(&self, server: &TestServer, key: &str, path: &str) -> Reply {
        call(server, key, self.method.clone(), path, self.body.clone()).await
    }
}

/// Everything that can be asked by its id.
fn by_id() -> Vec<(Route, Kind)> {
    let by_id: Vec<_> =
        routes().into_iter().filter_map(|route| route.kind().map(|kind| (route, kind))).collect();
    let kinds: BTreeSet<Kind> = by_id.iter().map(|(_, kind)| *kind).collect();
    assert!(kinds.len() == 10 && by_id.len() > 30, "{kinds:?} {}", by_id.len());
    by_id
}

async fn what_is_outside_is_as_what_is_not_there(backend: Backend) {
    let server = TestServer::start(backend).await;
    let market = Market::open(&server).await;
    let (mine, other) =
        (Realm::of(&server, &market, "north").await, Realm::of(&server, &market, "south").await);
    let outside = ids_in(&market, &other);
    let before = state(&server, &market, &other).await;
    for (route, kind) in by_id() {
        let foreign = path_of(&route.path, &outside).unwrap();
        let nothing = filled(&route.path, kind.nothing(), "file_01h455vb4pex5vsknk084sn02q");
        let foreign = route.ask(&server, &mine.secret, &foreign).await;
        let nothing = route.ask(&server, &mine.secret, &nothing).await;
        let told = |reply: &Reply| (reply.status, reply.body["code"].clone(), reply.body["detail"].clone());
        assert_eq!(told(&foreign), told(&nothing), "{}: {}", route.name, foreign.text);
        assert_eq!((foreign.status, &foreign.body["code"]), (404, &json!("NOT_FOUND")), "{}", route.name);
    }
    assert_eq!(state(&server, &market, &other).await, before);
}

/// All that can be read of what is in a realm.
async fn state(server: &TestServer, market: &Market, realm: &Realm) -> Vec<(String, Value)> {
    let ids = ids_in(market, realm);
    let mut state = Vec::new();
    for (route, _) in by_id().into_iter().filter(|(route, _)| route.method == Method::GET) {
        let path = path_of(&route.path, &ids).unwrap();
        state.push((path.clone(), get(server, &server.admin_key, &path).await.expect(200)));
    }
    state
}

async fn what_is_inside_is_as_for_everybody_with_the_permission(backend: Backend) {
    let server = TestServer::start(backend).await;
    let market = Market::open(&server).await;
    let (mine, twin) =
        (Realm::of(&server, &market, "north").await, Realm::of(&server, &market, "south").await);
    let (inside, beside) = (ids_in(&market, &mine), ids_in(&market, &twin));
    // Another key within the group: routes end the realm's own.
    let key = crate::groups::key_within(&server, &[&mine.group]).await;
    for (route, _) in by_id() {
        let bounded = route.ask(&server, &key, &path_of(&route.path, &inside).unwrap()).await;
        let unbounded = route.ask(&server, &server.admin_key, &path_of(&route.path, &beside).unwrap()).await;
        let told = |reply: &Reply| (reply.status, reply.body["code"].clone());
        assert_eq!(told(&bounded), told(&unbounded), "{}: {} / {}", route.name, bounded.text, unbounded.text);
        assert!(
            !matches!(bounded.status, 401 | 403 | 404 | 405 | 422 | 428 | 500..),
            "{}: {}",
            route.name,
            bounded.text
        );
    }
}

async fn what_concerns_everybody_needs_a_principal_without_groups(backend: Backend) {
    let server = TestServer::start(backend).await;
    let market = Market::open(&server).await;
    let realm = Realm::of(&server, &market, "north").await;
    let mut concerned = 0;
    for route in routes() {
        let path = filled(&route.path, "nothing", "nothing");
        let bounded = route.ask(&server, &realm.secret, &path).await;
        let refused = bounded.status == 403 && bounded.text.contains("it needs a principal without groups");
        assert_eq!(refused, route.unbounded, "{}: {}", route.name, bounded.text);
        concerned += usize::from(refused);
        if refused {
            let unbounded = route.ask(&server, &server.admin_key, &path).await;
            assert_ne!(unbounded.status, 403, "{}: {}", route.name, unbounded.text);
        }
    }
    assert!(concerned > 20, "{concerned}");
}
