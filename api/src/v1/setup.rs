//! `/setup`

use actix_web::post;
use licentia_domain::admins;
use licentia_types::admins::{AdminResponse, SetupRequest};

use crate::Ctx;
use crate::answers::Created;
use crate::body::Body;
use crate::guard::SigningIn;
use crate::problem::ApiError;
use crate::refusals::{Refused, SettingUp};

/// Make the first admin
///
/// With the token that the start printed. Once: from then on admins make other admins.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = SetupRequest, example = json!({
        "token": "lst_…", "email": "ada@example.com", "name": "Ada", "password": "plum violin gravel sunday"
    })),
    responses((status = CREATED, description = "The admin", body = AdminResponse), Refused<SettingUp>)
)]
#[post("/setup")]
pub(crate) async fn set_up(
    ctx: Ctx,
    anybody: SigningIn<Body<SetupRequest>>,
) -> Result<Created<AdminResponse>, ApiError> {
    let (caller, Body(request)) = anybody.open();
    Ok(Created(admins::set_up(&ctx, &caller, request).await?))
}
