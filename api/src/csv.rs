//! A table as a download: CSV, written while it is read, a page at a time.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use futures_util::stream::try_unfold;
use licentia_domain::context::Context;
use licentia_domain::failure::Failure;

use crate::{Ctx, problem};

/// The lines that `next` reads of `export`, until there are none. A stream that fails ends without its end, which tells
/// whoever reads it.
pub(crate) fn download<E: 'static>(
    file: &'static str,
    ctx: Ctx,
    export: E,
    next: impl AsyncFn(&mut E, &Context) -> Result<Option<String>, Failure> + 'static,
) -> HttpResponse {
    let pages = try_unfold((ctx, export, next), |(ctx, mut export, next)| async move {
        match next(&mut export, &ctx).await {
            Ok(lines) => Ok(lines.map(|lines| (web::Bytes::from(lines), (ctx, export, next)))),
            Err(failure) => {
                tracing::error!(error = problem::causes(&failure), "an export broke off");
                Err(failure)
            }
        }
    });
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")))
        .streaming(pages)
}
