//! What clients do: each issues licences, fills their seats with machines that send heartbeats, lets one machine leave and
//! another take its place, revokes the licence, and looks whether that is known.

use std::rc::Rc;

use anyhow::bail;
use licentia_crypto::nonces::Nonce;
use licentia_types::ids::{ActivationId, LicenseId};

use crate::checker::{Fault, Finding};
use crate::client::Client;
use crate::history::{Ask, Said};
use crate::world::World;

/// Machines of a licence that hold seats at once.
const SEATS: u32 = 3;
/// Heartbeats of a licence's machines.
pub(crate) const BEATS: u32 = 20;
/// Activations of a licence that succeed.
pub(crate) const ACTIVATIONS: u32 = SEATS + 1;

/// A machine as it sees itself.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) activation: ActivationId,
    pub(crate) fingerprint: String,
    pub(crate) place: Nonce,
    beats: u32,
}

/// A licence and its machines.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) name: String,
    pub(crate) license: LicenseId,
    pub(crate) machines: Vec<Machine>,
}

/// One client's work, on so many licences.
pub(crate) async fn work(world: Rc<World>, name: String, licenses: u32) -> anyhow::Result<Vec<Finding>> {
    let mut client = Client::new(&world);
    let mut findings = Vec::new();
    for number in 0..licenses {
        let mut held = fill(&mut client, format!("{name}-{number}")).await?;
        let (before, after) = (BEATS / 2, BEATS - BEATS / 2);
        beat_all(&mut client, &mut held, before, "active", &mut findings).await?;
        change_over(&mut client, &mut held).await?;
        let once = format!("{}-revoke", held.name);
        client.settle(Ask::Revoke { license: held.license, once }).await?;
        beat_all(&mut client, &mut held, after, "revoked", &mut findings).await?;
    }
    Ok(findings)
}

/// A licence with a machine in each seat, and one that was refused.
pub(crate) async fn fill(client: &mut Client, name: String) -> anyhow::Result<Held> {
    let issue = Ask::Issue { once: format!("{name}-issue"), seats: SEATS };
    let Said::Issued { license, .. } = client.settle(issue).await? else {
        bail!("no licence was issued to {name}");
    };
    let mut held = Held { name, license, machines: Vec::new() };
    for number in 0..SEATS {
        enter(client, &mut held, number).await?;
    }
    let fingerprint = held.fingerprint(SEATS);
    client.settle(Ask::Activate { license, fingerprint }).await?;
    Ok(held)
}

/// The first machine leaves, and the one that was refused takes its place.
async fn change_over(client: &mut Client, held: &mut Held) -> anyhow::Result<()> {
    if held.machines.is_empty() {
        return Ok(());
    }
    let Machine { activation, .. } = held.machines.remove(0);
    client.settle(Ask::Deactivate { activation, once: format!("{}-deactivate", held.name) }).await?;
    enter(client, held, SEATS).await
}

async fn enter(client: &mut Client, held: &mut Held, number: u32) -> anyhow::Result<()> {
    held.machines.extend(Machine::enter(client, held.license, held.fingerprint(number)).await?);
    Ok(())
}

/// So many heartbeats, by all machines in turn. What they are told of the licence is what it is.
pub(crate) async fn beat_all(
    client: &mut Client,
    held: &mut Held,
    beats: u32,
    expected: &str,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let machines = u32::try_from(held.machines.len())?.max(1);
    for turn in 0..beats {
        let at = usize::try_from(turn % machines)?;
        let Some(machine) = held.machines.get_mut(at) else { continue };
        if let Some(status) = machine.beat(client).await?
            && status != expected
        {
            let what = format!("{} is told {status:?}, and is {expected:?}", machine.activation);
            findings.push(Finding::new(Fault::Lost, what));
        }
    }
    Ok(())
}

impl Held {
    fn fingerprint(&self, number: u32) -> String {
        format!("{}-machine-{number}", self.name)
    }
}

impl Machine {
    /// Activates; none where it was refused, which is a finding of the checker.
    pub(crate) async fn enter(
        client: &mut Client,
        license: LicenseId,
        fingerprint: String,
    ) -> anyhow::Result<Option<Self>> {
        let said = client.settle(Ask::Activate { license, fingerprint: fingerprint.clone() }).await?;
        let Said::Seated { activation, place } = said else { return Ok(None) };
        Ok(Some(Self { activation, fingerprint, place, beats: 0 }))
    }

    /// A heartbeat; what the licence is said to be, unless it was refused.
    pub(crate) async fn beat(&mut self, client: &mut Client) -> anyhow::Result<Option<String>> {
        let request = format!("{}/{:016}-{:016x}", self.fingerprint, self.beats, fastrand::u64(..));
        self.beats += 1;
        let ask = Ask::Beat { activation: self.activation, from: self.place, request };
        let said = client.settle(ask).await?;
        let Said::Rotated { place, status } = said else { return Ok(None) };
        self.place = place;
        Ok(Some(status))
    }
}
