//! Every way from a text to what it belongs to.

use licentia_crypto::license_keys::LicenseKey;
use licentia_entity::{activation, customer, license};
use licentia_types::ids::CustomerId;
use licentia_types::lookup::LookupBy;
use licentia_types::time::Timestamp;
use licentia_types::tokens::LicenseClaims;
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{ColumnTrait, ExprTrait};

use super::found::{ENOUGH, Found, Thing};
use super::pasted::{AnyId, Pasted};
use super::token::{Token, refused};
use super::{LookupError, store};
use crate::context::Context;
use crate::failure::Failure;
use crate::products::{self, ProductName, Visible};
use crate::scope::Scope;
use crate::tokens::TokenFault;
use crate::{activations, customers, licenses, refusals};

/// A look-up under way.
pub(super) struct Search<'a> {
    pub(super) ctx: &'a Context,
    pub(super) scope: Scope,
    pub(super) now: Timestamp,
    pub(super) found: Found,
}

impl Search<'_> {
    /// Finds everything that the text can belong to.
    pub(super) async fn follow(&mut self, pasted: &Pasted<'_>) -> Result<(), LookupError> {
        match pasted {
            Pasted::Token(text) => self.token(Token::read(self.ctx, text, self.now).await?).await,
            Pasted::Id(id) => Ok(self.id(*id).await?),
            Pasted::Text(text) => Ok(self.text(text).await?),
            Pasted::Nothing => Ok(()),
        }
    }

    fn add(&mut self, by: LookupBy, thing: Thing) {
        self.found.add(by, thing, self.now);
    }

    async fn token(&mut self, token: Token) -> Result<(), LookupError> {
        let by = LookupBy::Token;
        let machines = match token {
            Token::Signed(claims) => {
                let id = claims.activation_id;
                let machine = activations::store::find(&self.ctx.db, self.scope.clone(), id).await?;
                if let Some(machine) = &machine {
                    self.expect_audience(machine, &claims).await?;
                    self.add(by, Thing::Token(claims));
                }
                machine.into_iter().collect()
            }
            Token::Encrypted { consumer_key } => {
                let to_key = activation::Column::ConsumerKey.eq(consumer_key);
                let machines =
                    activations::store::matching(&self.ctx.db, self.scope.clone(), to_key, ENOUGH).await?;
                if machines.is_empty() {
                    return Err(refused(TokenFault::UnknownKey));
                }
                machines
            }
        };
        self.machines(by, machines);
        Ok(())
    }

    /// A token is for the product of its machine's licence.
    async fn expect_audience(
        &self,
        machine: &activation::Model,
        claims: &LicenseClaims,
    ) -> Result<(), LookupError> {
        let (db, id) = (&self.ctx.db, machine.license_id);
        let license = licenses::store::find(db, Scope::License(id), id).await?;
        let product =
            products::store::get(db, license.ok_or(Failure::Corrupt("licence"))?.product_id).await?;
        if claims.set.aud == product.slug.as_str() { Ok(()) } else { Err(refused(TokenFault::Audience)) }
    }

    async fn id(&mut self, id: AnyId) -> Result<(), Failure> {
        let (db, scope) = (&self.ctx.db, self.scope.clone());
        let boxed = |license| Thing::License(Box::new(license));
        let thing = match id {
            AnyId::License(id) => licenses::store::find(db, scope, id).await?.map(boxed),
            AnyId::Activation(id) => {
                activations::store::find(db, scope, id).await?.map(|row| Thing::Machine(Box::new(row)))
            }
            AnyId::Customer(id) => {
                customers::store::find(db, scope, id).await?.map(|row| Thing::Customer(Box::new(row)))
            }
            AnyId::Product(id) => products::store::find(db, Visible::All, &ProductName::Id(id))
                .await?
                .map(|row| Thing::Product(Box::new(row))),
            AnyId::Tier(id) => store::tier(db, id).await?.map(|row| Thing::Tier(Box::new(row))),
            AnyId::Feature(id) => store::feature(db, id).await?.map(|row| Thing::Feature(Box::new(row))),
            AnyId::AuditEvent(id) => {
                store::audit_event(db, scope, id).await?.map(|row| Thing::AuditEvent(Box::new(row)))
            }
        };
        let customer = match &thing {
            Some(Thing::Customer(customer)) => Some(customer.id),
            _ => None,
        };
        if let Some(thing) = thing {
            self.add(LookupBy::Id, thing);
        }
        match customer {
            Some(customer) => self.licenses_of(customer).await,
            None => Ok(()),
        }
    }

    async fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.license_keys(text).await?;
        self.licenses(text).await?;
        self.customers(text).await?;
        self.devices(text).await?;
        self.requests(text).await?;
        if let Some(key) = store::signing_key(&self.ctx.db, text).await? {
            self.add(LookupBy::Id, Thing::SigningKey(Box::new(key)));
        }
        Ok(())
    }

    /// In any spelling; also keys that were replaced.
    async fn license_keys(&mut self, text: &str) -> Result<(), Failure> {
        let Ok(key) = LicenseKey::parse(text) else { return Ok(()) };
        let digests = licenses::keys::digest(self.ctx, &key);
        let has_key = license::Column::KeyDigest.is_in(digests.all());
        for license in licenses::store::matching(&self.ctx.db, self.scope.clone(), has_key, ENOUGH).await? {
            self.add(LookupBy::LicenseKey, Thing::License(Box::new(license)));
        }
        let Some(former) = store::former_key(&self.ctx.db, digests).await? else { return Ok(()) };
        let license = licenses::store::find(&self.ctx.db, self.scope.clone(), former.license_id).await?;
        if let Some(license) = license.map(Box::new) {
            let thing = Thing::FormerKey { license, valid_until: former.valid_until };
            self.add(LookupBy::FormerLicenseKey, thing);
        }
        Ok(())
    }

    async fn licenses(&mut self, text: &str) -> Result<(), Failure> {
        // The one sign of a masked key that is not on every keyboard.
        let masked = text.replace("...", "…");
        for (by, condition) in [
            (LookupBy::MaskedKey, license::Column::KeyMasked.eq(masked)),
            (LookupBy::Order, license::Column::SourceOrderId.eq(text)),
        ] {
            for license in
                licenses::store::matching(&self.ctx.db, self.scope.clone(), condition, ENOUGH).await?
            {
                self.add(by, Thing::License(Box::new(license)));
            }
        }
        Ok(())
    }

    async fn customers(&mut self, text: &str) -> Result<(), Failure> {
        for (by, condition) in [
            (LookupBy::Email, folded(customer::Column::Email, text)),
            (LookupBy::ExternalId, customer::Column::ExternalId.eq(text)),
        ] {
            for customer in
                customers::store::matching(&self.ctx.db, self.scope.clone(), condition, ENOUGH).await?
            {
                let id = customer.id;
                self.add(by, Thing::Customer(Box::new(customer)));
                self.licenses_of(id).await?;
            }
        }
        Ok(())
    }

    async fn licenses_of(&mut self, customer: CustomerId) -> Result<(), Failure> {
        let owned = license::Column::CustomerId.eq(customer);
        for license in licenses::store::matching(&self.ctx.db, self.scope.clone(), owned, ENOUGH).await? {
            self.add(LookupBy::Customer, Thing::License(Box::new(license)));
        }
        Ok(())
    }

    async fn devices(&mut self, text: &str) -> Result<(), Failure> {
        for (by, condition) in [
            (LookupBy::Fingerprint, activation::Column::Fingerprint.eq(text)),
            (LookupBy::Hostname, folded(activation::Column::Hostname, text)),
        ] {
            let machines =
                activations::store::matching(&self.ctx.db, self.scope.clone(), condition, ENOUGH).await?;
            self.machines(by, machines);
        }
        Ok(())
    }

    fn machines(&mut self, by: LookupBy, machines: Vec<activation::Model>) {
        for machine in machines {
            self.add(by, Thing::Machine(Box::new(machine)));
        }
    }

    async fn requests(&mut self, id: &str) -> Result<(), Failure> {
        for event in store::audit_events(&self.ctx.db, self.scope.clone(), id).await? {
            self.add(LookupBy::RequestId, Thing::AuditEvent(Box::new(event)));
        }
        // Those of this instance may not be written yet.
        refusals::flush(self.ctx).await?;
        for refusal in store::refusals(&self.ctx.db, self.scope.clone(), id).await? {
            self.add(LookupBy::RequestId, Thing::Refusal(Box::new(refusal)));
        }
        Ok(())
    }
}

/// Equal but for upper and lower case.
fn folded(column: impl ColumnTrait, text: &str) -> SimpleExpr {
    let lower: SimpleExpr = Func::lower(Expr::col(column)).into();
    lower.eq(text.to_lowercase())
}
