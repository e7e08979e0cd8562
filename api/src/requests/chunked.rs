//! Bodies of no known length. When such a body is given up, actix reads on what is left of it, without an end and for as
//! long as that takes; held until the answer is sent, it is taken for what it is, and the connection is closed.

use std::cell::RefCell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::Stream;

/// A body that a handler reads, and that its answer holds.
pub(super) struct Chunked(Rc<RefCell<Payload>>);

impl Chunked {
    /// Of a request, if it has one.
    pub(super) fn of(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(header::TRANSFER_ENCODING) {
            return None;
        }
        let payload = Rc::new(RefCell::new(request.take_payload()));
        request.set_payload(Payload::Stream { payload: Box::pin(Read(Rc::clone(&payload))) });
        Some(Self(payload))
    }

    /// The same answer, which holds the body.
    pub(super) fn held_by(self, answer: ServiceResponse) -> ServiceResponse {
        answer.map_body(|_, body| BoxBody::new(Holding { body, _held: self.0 }))
    }
}

/// What a handler reads.
struct Read(Rc<RefCell<Payload>>);

impl Stream for Read {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The body of an answer.
struct Holding {
    body: BoxBody,
    _held: Rc<RefCell<Payload>>,
}

impl MessageBody for Holding {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
