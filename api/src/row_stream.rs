//! The body of an import: rows as JSON lines or CSV, taken as they come and never held as a whole.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use licentia_domain::imports::{Format, ImportError, Upload};
use licentia_domain::refusal::Refusal;
use licentia_types::imports::ImportResponse;
use licentia_types::problems::ProblemCode;

use crate::body::{self, Patience};
use crate::guard::Extracting;
use crate::problem::ApiError;

/// Rows that are on their way.
pub(crate) struct RowStream {
    /// How they are written.
    pub(crate) format: Format,
    payload: web::Payload,
    patience: Patience,
}

/// Why a body of rows was not taken.
#[derive(Debug, thiserror::Error)]
enum RowStreamError {
    #[error("send the rows as application/x-ndjson (one JSON object a line) or as text/csv")]
    MediaType,
    #[error("the body ended early")]
    Incomplete,
    #[error("the next piece of the body did not arrive in time")]
    Slow,
}

impl Refusal for RowStreamError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::MediaType => ProblemCode::MediaTypeUnsupported,
            Self::Incomplete => ProblemCode::BodyInvalid,
            Self::Slow => ProblemCode::RequestTimeout,
        }
    }
}

impl std::fmt::Debug for RowStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStream").field("format", &self.format).finish_non_exhaustive()
    }
}

impl FromRequest for RowStream {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let format = format(&request).ok_or(RowStreamError::MediaType)?;
            let payload = web::Payload::from_request(&request, &mut payload).await;
            let payload = payload.map_err(|_| RowStreamError::Incomplete)?;
            Ok(Self { format, payload, patience: body::patience(&request) })
        })
    }
}

fn format(request: &HttpRequest) -> Option<Format> {
    let given = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Some(Format::JsonLines),
        "text/csv" => Some(Format::Csv),
        _ => None,
    }
}

impl RowStream {
    /// Hands all rows to an import, or gives it up.
    pub(crate) async fn pour(mut self, mut upload: Upload<'_>) -> Result<ImportResponse, ApiError> {
        let refused = loop {
            let Some(piece) = self.patience.wait_for(self.payload.next()).await else {
                break RowStreamError::Slow.into();
            };
            match piece {
                Some(Ok(bytes)) => match upload.take(&bytes).await {
                    Ok(()) => {}
                    Err(error) => break error.into(),
                },
                Some(Err(_)) => break RowStreamError::Incomplete.into(),
                None => match upload.finish().await {
                    Ok(import) => return Ok(import),
                    Err(error) => break ApiError::from(error),
                },
            }
        };
        upload.abandon().await.map_err(ImportError::from)?;
        Err(refused)
    }
}
