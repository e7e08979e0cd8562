//! What follows from an operation's shape: a body can be no JSON, an id can name nothing, a guard
//! can refuse. Every set of refusals is written once, with its codes and an example.

use std::collections::{BTreeMap, BTreeSet};

use licentia_types::problems::ProblemCode::{
    self, BodyInvalid, BodyTooLarge, IdempotencyKeyReused, Internal, MediaTypeUnsupported, NotFound,
    NotSupported, ParameterInvalid, PermissionDenied, PreconditionRequired, RateLimited, RequestInFlight,
    RequestTimeout, Unauthenticated, Unavailable, ValidationFailed, VersionStale,
};
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response,
    ResponseBuilder,
};

use crate::problem::MEDIA_TYPE;
use crate::refusals::CODES;
use crate::{idempotency, limits};

/// Marks an operation that is guarded by `Unbounded`.
const WITHOUT_GROUPS: &str = "x-without-groups";

/// Completes every operation.
pub(super) fn complete(document: &mut OpenApi) {
    let mut shared = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            offer_api_key(operation);
            tell_bounds(operation);
            refuse(path, operation, &mut shared);
            if limits::cover(path) {
                tell_limits(operation);
            }
            if named(operation, idempotency::NAME).is_some() {
                tell_replays(operation);
            }
        }
    }
    document.components.get_or_insert_default().responses.extend(shared);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

/// Whoever may come with a bearer may come with an API key, with the same permissions.
fn offer_api_key(operation: &mut Operation) {
    let Some(security) = &mut operation.security else {
        return;
    };
    let keys: Vec<_> = security
        .iter()
        .filter_map(permissions)
        .filter(|all| !all.is_empty())
        .map(|all| SecurityRequirement::new("apiKey", all))
        .collect();
    security.extend(keys);
}

/// What concerns everybody says so to those who read, and not only to programs.
fn tell_bounds(operation: &mut Operation) {
    let unbounded = operation.extensions.as_ref().is_some_and(|known| known.contains_key(WITHOUT_GROUPS));
    if !unbounded {
        return;
    }
    let needs = "Needs a principal without groups.";
    operation.description = Some(match operation.description.take() {
        Some(description) if !description.is_empty() => format!("{description}\n\n{needs}"),
        _ => needs.to_owned(),
    });
}

fn permissions(requirement: &SecurityRequirement) -> Option<Vec<String>> {
    let requirement = serde_json::to_value(requirement).ok()?;
    serde_json::from_value(requirement.get("bearer")?.clone()).ok()
}

fn refuse(path: &str, operation: &mut Operation, shared: &mut BTreeMap<String, RefOr<Response>>) {
    let mut by_status: BTreeMap<u16, BTreeSet<&'static str>> = BTreeMap::new();
    for code in declared(operation).into_iter().chain(of_shape(path, operation)) {
        by_status.entry(code.status()).or_default().insert(code.as_str());
    }
    for (status, names) in by_status {
        let codes: Vec<ProblemCode> =
            ProblemCode::ALL.iter().copied().filter(|code| names.contains(code.as_str())).collect();
        let name = names.into_iter().collect::<Vec<_>>().join(".");
        let reference = RefOr::Ref(Ref::from_response_name(&name));
        operation.responses.responses.insert(status.to_string(), reference);
        shared.entry(name).or_insert_with(|| RefOr::T(response(&codes)));
    }
}

/// The codes that the handler's annotation names.
fn declared(operation: &Operation) -> Vec<ProblemCode> {
    let responses = operation.responses.responses.values().filter_map(|response| match response {
        RefOr::T(response) => response.extensions.as_ref()?.get(CODES),
        RefOr::Ref(_) => None,
    });
    responses
        .filter_map(|codes| serde_json::from_value::<Vec<ProblemCode>>(codes.clone()).ok())
        .flatten()
        .collect()
}

/// What was counted says so, when it was done too.
fn tell_limits(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.extend(limit_headers());
        }
    }
}

/// What was done before says so.
fn tell_replays(operation: &mut Operation) {
    let what = "`true`: it was done before, and this is its answer again";
    let replayed = header((idempotency::REPLAYED, Type::Boolean, what));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            response.headers.extend([replayed.clone()]);
        }
    }
}

/// The headers of an answer that was counted.
fn limit_headers() -> impl Iterator<Item = (String, RefOr<Header>)> {
    [
        ("RateLimit-Limit", Type::Integer, "Calls a minute"),
        ("RateLimit-Remaining", Type::Integer, "Calls that are left now"),
        ("RateLimit-Reset", Type::Integer, "Seconds until all of them are there again"),
        ("RateLimit-Policy", Type::String, "Calls and the seconds for them: `100;w=60`"),
    ]
    .into_iter()
    .map(header)
}

fn header((name, kind, what): (&str, Type, &str)) -> (String, RefOr<Header>) {
    let schema = ObjectBuilder::new().schema_type(kind).build();
    let header = HeaderBuilder::new().schema(Some(schema)).description(Some(what)).build();
    (name.to_owned(), RefOr::T(header))
}

fn of_shape(path: &str, operation: &Operation) -> Vec<ProblemCode> {
    let has = |place: ParameterIn| parameters(operation).any(|parameter| parameter.parameter_in == place);
    let version = named(operation, "If-Match");
    let demanded = version.is_some_and(|version| version.required == Required::True);
    let key = named(operation, idempotency::NAME).is_some();
    let rules: [(bool, &[ProblemCode]); 9] = [
        (path.starts_with("/api/") && path != super::PATH, &[Unauthenticated, Internal, Unavailable]),
        (limits::cover(path), &[RateLimited]),
        (operation.security.is_some(), &[PermissionDenied]),
        (has(ParameterIn::Path), &[NotFound]),
        (has(ParameterIn::Query), &[ParameterInvalid]),
        (version.is_some(), &[VersionStale]),
        (key, &[ParameterInvalid, RequestInFlight, IdempotencyKeyReused]),
        (demanded, &[PreconditionRequired]),
        (
            operation.request_body.is_some(),
            &[
                BodyInvalid,
                RequestTimeout,
                BodyTooLarge,
                MediaTypeUnsupported,
                ValidationFailed,
                NotSupported,
            ],
        ),
    ];
    rules.into_iter().filter(|(holds, _)| *holds).flat_map(|(_, codes)| codes.iter().copied()).collect()
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// The header of this name.
fn named<'a>(operation: &'a Operation, name: &str) -> Option<&'a Parameter> {
    let is_it = |parameter: &&Parameter| {
        parameter.parameter_in == ParameterIn::Header && parameter.name.eq_ignore_ascii_case(name)
    };
    parameters(operation).find(is_it)
}

fn response(codes: &[ProblemCode]) -> Response {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(codes.first().map(|code| example(*code)))
        .build();
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n"))
        .content(MEDIA_TYPE, content)
        .extensions(Some(ExtensionsBuilder::new().add(CODES, names).build()))
        .build();
    if codes.contains(&RateLimited) {
        let wait = ("Retry-After", Type::Integer, "Seconds until the next call is taken");
        response.headers.extend(limit_headers().chain([header(wait)]));
    }
    response
}

fn example(code: ProblemCode) -> Value {
    json!({
        "type": crate::problem::kind(code),
        "title": code.title(),
        "status": code.status(),
        "detail": "What to do about this one.",
        "instance": "/api/v1/…",
        "code": code.as_str(),
        "requestId": "0197f6a2b3c47d5e8f90a1b2c3d4e5f6",
    })
}
