//! Admins: people who sign in.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use licentia_domain::actors::Caller;
use licentia_domain::admins::{self, Installed};
use licentia_domain::context::Context;
use licentia_domain::totp;
use licentia_types::admins::{AdminResponse, AdminStatus, CreateAdminRequest, InvitedAdminResponse};
use licentia_types::ids::GroupId;
use licentia_types::text::{Email, Name, RoleName};
use secrecy::SecretString;

use super::{CommandError, output};

/// A longer file holds no password.
const LONGEST: u64 = 4096;

#[derive(Debug, Args)]
pub(in crate::commands) struct Create {
    /// By which he signs in
    #[arg(long)]
    email: Email,
    /// What he is called; without it as his address
    #[arg(long)]
    name: Option<Name>,
    /// What he may do
    #[arg(long, default_value = "super_admin")]
    role: RoleName,
    /// Within which group he acts; may be given several times. Without it: bounded by none
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<GroupId>,
    /// A file that holds his password, or - for standard input. Without it a token is printed by which he sets one
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::commands) struct ResetPassword {
    /// By which he signs in
    email: Email,
    /// Take his second factor away as well
    #[arg(long)]
    remove_totp: bool,
}

/// Makes an admin.
pub(super) async fn create(ctx: &Context, place: &str, options: Create) -> Result<(), CommandError> {
    let failed = "the admin was not made";
    let password = options.password_file.as_deref().map(password).transpose()?;
    let name = match options.name {
        Some(name) => name,
        None => options.email.as_str().parse().map_err(CommandError::failed(failed))?,
    };
    let groups = (!options.groups.is_empty()).then(|| options.groups.into_iter().collect());
    let request = CreateAdminRequest { email: options.email, name, role: options.role, groups };
    let made = admins::install(ctx, &Caller::operator(), request, password.as_ref()).await;
    match made.map_err(CommandError::failed(failed))? {
        Installed::Ready(admin) => output::print(&format!("{}\n", line(&admin))),
        Installed::Invited(invited) => output::print(&invitation(place, &invited)),
    }
}

/// Lists all admins, newest first.
pub(super) async fn list(ctx: &Context) -> Result<(), CommandError> {
    let all = admins::list_all(ctx).await.map_err(CommandError::failed("the admins cannot be read"))?;
    let mut text = String::new();
    for admin in all {
        let _ = writeln!(text, "{}", line(&admin));
    }
    output::print(&text)
}

/// Makes a token by which an admin sets another password.
pub(super) async fn reset_password(
    ctx: &Context,
    place: &str,
    options: ResetPassword,
) -> Result<(), CommandError> {
    let failed = "the password was not reset";
    let caller = Caller::operator();
    let admin = admins::named(ctx, &options.email).await.map_err(CommandError::failed(failed))?;
    if options.remove_totp {
        totp::remove(ctx, &caller, admin.id).await.map_err(CommandError::failed(failed))?;
    }
    let invited = admins::reset_password(ctx, &caller, admin.id).await;
    output::print(&invitation(place, &invited.map_err(CommandError::failed(failed))?))
}

fn line(admin: &AdminResponse) -> String {
    let status = match admin.status {
        AdminStatus::Active => "active",
        AdminStatus::Invited => "invited",
        AdminStatus::Disabled => "disabled",
    };
    let totp = if admin.totp { "totp" } else { "-" };
    format!("{}  {status}  {}  {totp}  {}  {}", admin.id, admin.role, admin.email, admin.name)
}

fn invitation(place: &str, invited: &InvitedAdminResponse) -> String {
    format!(
        r#"{line}
Until {until} this token sets the password, once:

curl -sS '{place}/api/v1/auth/password/reset' -H 'Content-Type: application/json' -d '{{"token":"{token}","password":"12 characters or more that nobody guesses"}}'
"#,
        line = line(&invited.admin),
        until = invited.password_token_expires_at,
        token = invited.password_token.as_deref().unwrap_or_default(),
    )
}

/// The password that a file holds, but for the end of its line.
fn password(path: &Path) -> Result<SecretString, CommandError> {
    let unreadable = "the password file cannot be read";
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    read.map_err(CommandError::failed(unreadable))?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(SecretString::from(text))
}
