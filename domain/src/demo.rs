//! Demo data: a product with features, three tiers, a customer and a licence, to try everything
//! with. Filling again completes what is missing, and makes a new admin key in place of the former.

use std::collections::BTreeSet;

use licentia_entity::{feature, license, tier};
use licentia_types::ids::{CustomerId, ProductId, TierId};
use licentia_types::permissions::Permission;
use licentia_types::text::{Name, Reference, Slug};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::actors::Caller;
use crate::api_keys::{self, ApiKeyError, CreateApiKey, Origin};
use crate::catalog::entries;
use crate::context::Context;
use crate::database::Lane;
use crate::edits::Intent;
use crate::failure::{Failure, failed_from};
use crate::features::{self, FeatureError};
use crate::licenses::{self, LicenseError};
use crate::products::{self, ProductError, ProductName, Visible};
use crate::tiers::{self, TierError};

const SLUG: &str = "demo-desk";
const SOURCE: &str = "demo";

/// What was filled in, and the keys to it.
pub struct Demo {
    /// `iss` of the tokens.
    pub issuer: String,
    /// Slug of the product: `aud` of the tokens.
    pub product: String,
    /// Key of the licence.
    pub license_key: String,
    /// The customer.
    pub customer_id: CustomerId,
    /// Secret of the admin's API key.
    pub admin_api_key: SecretString,
}

/// Why the demo data is not there.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A product.
    #[error("the demo product could not be made")]
    Product(#[from] ProductError),
    /// A feature.
    #[error("a demo feature could not be made")]
    Feature(#[from] FeatureError),
    /// A tier.
    #[error("a demo tier could not be made")]
    Tier(#[from] TierError),
    /// The licence.
    #[error("the demo licence could not be issued")]
    License(#[from] LicenseError),
    /// The admin's key.
    #[error("the demo admin key could not be made")]
    ApiKey(#[from] ApiKeyError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(DemoError);

/// Fills in what is missing.
///
/// # Errors
/// When the database fails, or somebody has used the demo's names otherwise.
pub async fn fill(ctx: &Context) -> Result<Demo, DemoError> {
    let caller = Caller::operator();
    let product = product(ctx, &caller).await?;
    fill_features(ctx, &caller, product).await?;
    let team = fill_tiers(ctx, &caller, product).await?;
    let (license_key, customer_id) = license(ctx, &caller, product, team).await?;
    Ok(Demo {
        issuer: ctx.settings.issuer.clone(),
        product: SLUG.to_owned(),
        license_key,
        customer_id,
        admin_api_key: renew_admin_key(ctx, &caller).await?,
    })
}

/// Demo data is written as the API would take it.
fn request<T: DeserializeOwned>(body: Value) -> Result<T, Failure> {
    serde_json::from_value(body).map_err(|_| Failure::Corrupt("demo data"))
}

/// The members of both.
fn with(mut body: Value, more: Value) -> Value {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

fn text<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::Corrupt("demo data"))
}

async fn product(ctx: &Context, caller: &Caller) -> Result<ProductId, DemoError> {
    let slug = text::<Slug>(SLUG)?;
    if let Some(known) = products::store::find(&ctx.db, Visible::All, &ProductName::Slug(slug)).await? {
        return Ok(known.id);
    }
    let body = json!({"slug": SLUG, "name": "Demo Desk", "keyPrefix": "DEMO", "description": "A product to try Licentia with."});
    Ok(products::create(ctx, caller, request(body)?).await?.id)
}

async fn fill_features(ctx: &Context, caller: &Caller, product: ProductId) -> Result<(), DemoError> {
    let known = entries::of_product::<feature::Entity>(&ctx.db, product).await?;
    let wanted = [
        json!({"key": "editor", "name": "Editor", "kind": "entitlement"}),
        json!({"key": "export.pdf", "name": "PDF export", "kind": "entitlement"}),
        json!({"key": "projects", "name": "Projects", "kind": "entitlement", "valueType": "integer"}),
        json!({"key": "sso", "name": "Single sign-on", "kind": "entitlement"}),
        json!({"key": "support", "name": "Support within a day", "kind": "display"}),
    ];
    for body in wanted {
        let key = body.get("key").and_then(Value::as_str);
        if known.iter().all(|feature| Some(feature.key.as_str()) != key) {
            let body = with(body, json!({"productId": product}));
            features::create(ctx, caller, Intent::default(), request(body)?).await?;
        }
    }
    Ok(())
}

/// Three tiers, each including the one before; the middle one is returned.
async fn fill_tiers(ctx: &Context, caller: &Caller, product: ProductId) -> Result<TierId, DemoError> {
    let known = entries::of_product::<tier::Entity>(&ctx.db, product).await?;
    let wanted = [
        json!({"key": "starter", "name": "Starter", "monthlyPrice": 900, "annualPrice": 9000,
               "features": ["editor"], "featureValues": {"projects": 3}}),
        json!({"key": "team", "name": "Team", "monthlyPrice": 2900, "annualPrice": 29000, "maxActivations": 5,
               "features": ["export.pdf", "support"], "featureValues": {"projects": 50}}),
        json!({"key": "enterprise", "name": "Enterprise", "monthlyPrice": 9900, "annualPrice": 99000,
               "maxActivations": null, "features": ["*"]}),
    ];
    let mut ids = Vec::new();
    for body in wanted {
        let key = body.get("key").and_then(Value::as_str);
        if let Some(tier) = known.iter().find(|tier| Some(tier.key.as_str()) == key) {
            ids.push(tier.id);
            continue;
        }
        let shared = json!({"productId": product, "includesTierId": ids.last(), "currency": "EUR",
                            "billingPeriods": ["monthly", "annual"]});
        ids.push(tiers::create(ctx, caller, request(with(body, shared))?).await?.id);
    }
    Ok(ids.get(1).copied().ok_or(Failure::Corrupt("demo data"))?)
}

async fn license(
    ctx: &Context,
    caller: &Caller,
    product: ProductId,
    tier: TierId,
) -> Result<(String, CustomerId), DemoError> {
    let known = license::Entity::find()
        .filter(license::Column::ProductId.eq(product))
        .filter(license::Column::Source.eq(text::<Reference>(SOURCE)?))
        .one(&ctx.db)
        .await?;
    if let Some(known) = known {
        let key = licenses::keys::open(ctx, &known)?;
        return Ok((key, known.customer_id.ok_or(Failure::Corrupt("demo data"))?));
    }
    let body = json!({
        "productId": product, "tierId": tier, "billingPeriod": "annual", "source": SOURCE, "sourceOrderId": "1",
        "customer": {"externalId": "demo", "name": "Ada Demo", "organization": "Demo Works", "email": "ada@demo.example"},
    });
    let issued = licenses::issue(ctx, caller, request(body)?).await?;
    let customer = issued.license.customer_id.ok_or(Failure::Corrupt("demo data"))?;
    Ok((issued.license_key, customer))
}

async fn renew_admin_key(ctx: &Context, caller: &Caller) -> Result<SecretString, DemoError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    api_keys::revoke_all(&tx, &moment, caller, Origin::Demo).await?;
    let command = CreateApiKey {
        name: text::<Name>("Demo admin")?,
        permissions: Permission::ALL.iter().copied().collect(),
        origin: Origin::Demo,
        expires_at: None,
        ip_ranges: BTreeSet::new(),
        groups: None,
    };
    let (_, secret) = api_keys::insert(ctx, &tx, &moment, caller, command).await?;
    tx.commit().await?;
    Ok(secret)
}
